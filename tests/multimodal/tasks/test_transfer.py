import numpy as np
import pytest
import torch
from torch.nn import functional

import moo
from moo.errors import OptionError, ProblemError
from moo.multimodal import MultimodalData, Samples
from moo.multimodal.tasks.transfer import Transfer


@pytest.fixture
def task(data):
    return Transfer(data, labels=0.5, width=4, batch_size=16)


def output_of(task, seed=0):
    x = task.sample(1, np.random.default_rng(seed))
    with torch.no_grad():
        return x, task.module(x[0])(**task.train.modalities)


class TestLabels:
    def test_are_the_share_of_each_class(self, task):
        known, labels = task.train.targets["target labelled"], task.train.labels
        for label in range(3):
            n = int((labels == label).sum())
            assert int(known[labels == label].sum()) == round(0.5 * n)

    def test_the_source_has_as_many_unless_told_and_the_targets_among_them(self, data):
        same = Transfer(data, labels=0.3).train.targets
        assert torch.equal(same["source labelled"], same["target labelled"])
        assert Transfer(data, labels=0.3, source_labels=1.0).train.targets["source labelled"].all()
        few = Transfer(data, labels=0.3, source_labels=0.6).train.targets
        assert (few["source labelled"] | ~few["target labelled"]).all()
        assert few["target labelled"].sum() < few["source labelled"].sum() < 40

    def test_a_class_keeps_one_at_least(self, data):
        task = Transfer(data, labels=1e-6)
        known = task.train.targets["target labelled"]
        assert np.bincount(task.train.labels[known]).tolist() == [1, 1, 1]

    def test_held_out_rows_all_count(self, task):
        assert task.heldout["test"].targets["target labelled"].all()

    def test_follow_the_seed(self, data):
        masks = [Transfer(data, labels=0.3, seed=s).train.targets["target labelled"] for s in (0, 0, 1)]
        assert torch.equal(masks[0], masks[1])
        assert not torch.equal(masks[0], masks[2])


class TestLosses:
    def test_the_target_loss_is_of_labelled_rows(self, task):
        x, output = output_of(task)
        known = task.train.targets["target labelled"]
        expected = functional.cross_entropy(output.logits["image"][known], task.train.labels[known])
        assert task.compute(x).F[0, 0] == pytest.approx(expected.item(), rel=1e-5)

    def test_by_labels_the_source_teaches_on_all_rows(self, task):
        x, output = output_of(task)
        said = output.logits["text"].softmax(1)
        taught = functional.cross_entropy(output.logits["image"], said)
        known = task.train.targets["source labelled"]
        own = functional.cross_entropy(output.logits["text"][known], task.train.labels[known])
        assert task.compute(x).F[0, 1] == pytest.approx((taught + own).item(), rel=1e-5)

    def test_teaching_does_not_change_the_teacher(self, data):
        task = Transfer(data, labels=0.5, source_labels=0.5, width=4)
        task.train.targets["source labelled"][:] = False  # so that teaching alone is left
        x, _ = output_of(task)
        J = task.compute(x, jacobian=True).J[0, 1]
        assert np.abs(J[task.columns("encoders.text.")]).sum() == 0
        assert np.abs(J[task.columns("encoders.image.")]).sum() > 0

    def test_by_pairs_both_encoders_are_trained_by_unlabelled_rows(self, data):
        task = Transfer(data, labels=0.5, source_labels=0.5, by="pairs", width=4)
        task.train.targets["source labelled"][:] = False
        x, _ = output_of(task)
        J = task.compute(x, jacobian=True).J[0, 1]
        for name in ("image", "text"):
            assert np.abs(J[task.columns(f"encoders.{name}.")]).sum() > 0

    def test_the_text_can_be_the_target(self, data):
        task = Transfer(data, target="text", labels=0.5, width=4)
        x, output = output_of(task)
        known = task.train.targets["target labelled"]
        expected = functional.cross_entropy(output.logits["text"][known], task.train.labels[known])
        assert task.compute(x).F[0, 0] == pytest.approx(expected.item(), rel=1e-5)


def test_accuracies_are_shares_of_right_guesses(task):
    x, _ = output_of(task)
    test = task.heldout["test"]
    guess = task.module(x[0])(**test.modalities).logits["image"].argmax(1)
    expected = (guess == test.labels).float().mean().item()
    assert task.report(x)["test target accuracy"][0] == pytest.approx(expected)


def test_the_source_helps_where_labels_are_few(emoji):
    task = Transfer(emoji, labels=0.05, source_labels=1.0)
    options = {"learning_rate": 0.01, "n": 1}
    alone = moo.solve(task, moo.WeightedSum(weights=[[1.0, 0.0]], **options), budget=450, seed=0)
    joint = moo.solve(task, moo.WeightedSum(weights=[[0.3, 0.7]], **options), budget=450, seed=0)
    gain = joint.metrics["test target accuracy"] - alone.metrics["test target accuracy"]
    assert gain > 0.02


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "imag"}, "did you mean 'image'"),
        ({"by": "label"}, "did you mean 'labels'"),
        ({"labels": 0.0}, "labels=0.0 is not accepted: give a share above 0"),
        ({"labels": 1.1}, "labels=1.1 is not accepted"),
        ({"source_labels": "a"}, "source_labels='a' is not accepted"),
        ({"batch_size": 1}, "leaves a contrastive loss nothing to compare with"),
        ({"width": 0}, "width=0 is not accepted"),
    ],
)
def test_options_out_of_range(data, options, message):
    with pytest.raises(OptionError, match=message):
        Transfer(data, **options)


def test_data_without_a_text_is_refused():
    samples = Samples({"image": torch.zeros(6, 3, 8, 8)}, torch.zeros(6, dtype=torch.long))
    split = {"train": np.arange(2), "validation": np.arange(2, 4), "test": np.arange(4, 6)}
    with pytest.raises(ProblemError, match="no modality 'text'"):
        Transfer(MultimodalData(samples, ("a",), split))
