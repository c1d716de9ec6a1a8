import numpy as np
import pytest

from moo.errors import ProblemError
from moo.multimodal import Emoji
from moo.multimodal.joint import joint_against_separate
from moo.multimodal.tasks.image_text import ImageText


@pytest.fixture(scope="module")
def task(emoji):
    return ImageText(emoji.thinned(600), hidden=None, batch_size=64)


@pytest.fixture(scope="module")
def found(task):
    return joint_against_separate(task, n_rates=3, steps=60, seeds=3)


def test_every_training_is_there_as_often(found):
    assert found.accuracy.index.tolist() == ["image alone", "text alone", "joint", "equal weights"]
    assert len(found.search.settings) == 12
    assert found.probes.index.tolist() == [
        "image, joint",
        "image, equal weights",
        "text, joint",
        "text, equal weights",
    ]


def test_alone_means_that_nothing_else_was_trained(task, found):
    rows = found.search.table
    alone = found.search.X[((rows["w image loss"] == 1.0) & (rows.seed == 0)).to_numpy()]
    text = task.columns("encoders.text.")
    assert (alone[:, text] == alone[0, text]).all()
    image = task.columns("encoders.image.")
    assert not (alone[:, image] == alone[0, image]).all()


def test_gains_are_within_a_seed(found):
    single = found.gain.index[0].split(" - ")[1]
    gain = found.accuracy.loc["joint", "mean"] - found.accuracy.loc[single, "mean"]
    assert found.gain["mean"].iloc[0] == pytest.approx(gain)


def test_probes_differ_by_what_was_trained(found):
    assert (found.probes["alone"] > 0.25).all()  # of nine classes, the largest .2
    apart = found.probes["joint"] - found.probes["alone"]
    np.testing.assert_allclose(found.probes["difference"], apart, atol=1e-12)


def test_the_learning_rate_is_of_the_range(found):
    assert found.accuracy["learning rate"].isin([1e-3, 1e-2, 1e-1]).sum() + 1 >= 4
    assert "linear probes of the encoders" in str(found)


def test_a_task_without_fused_loss_is_refused(problem):
    with pytest.raises(ProblemError, match="a task with a 'fused loss'"):
        joint_against_separate(problem)


def test_divergence_is_named(emoji):
    task = ImageText(emoji.thinned(200), bound=None, hidden=8)
    with pytest.raises(ProblemError, match="training 'image' diverged at every learning rate"):
        joint_against_separate(
            task, n_rates=1, steps=30, seeds=1, learning_rates=(1e30, 1e30), inner="momentum"
        )


def test_the_default_data_needs_no_more_than_the_extra():
    assert ImageText.default_data() == Emoji()
