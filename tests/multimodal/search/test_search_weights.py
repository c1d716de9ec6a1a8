"""Searching weights and rates: against closed forms, plain PyTorch, and what must not be looked at."""

from __future__ import annotations

import copy
import itertools
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from moo.errors import EvaluationError, MissingExtraError, OptionError, ProblemError, StorageError
from moo.multimodal import ModelProblem, Samples
from moo.multimodal.search import WeightSearch, search_weights
from moo.multimodal.search.methods import Worst
from moo.multimodal.search.rows import train_rows

A, B = torch.tensor([1.0, 0.0, 0.5]), torch.tensor([-0.5, 1.0, 0.0])
METHODS = ("grid", "random", "bayesian", "nsga2")


class Point(nn.Module):
    """What is trained is the point itself."""

    def __init__(self):
        super().__init__()
        self.theta = nn.Parameter(torch.randn(3))

    def forward(self, x):
        return self.theta


def _samples(x, n=5):
    return Samples({"x": x.expand(n, -1)}, torch.zeros(n, dtype=torch.long))


def _to(target):
    return lambda theta, samples: (theta - target).square().sum()


def _error(theta, samples):
    """Distance from where the samples are."""
    return (theta - samples.modalities["x"].mean(0)).square().sum()


def _between(w):
    return w * A + (1 - w) * B


def points(losses=None, batch_size=None, bound=None, heldout=("validation", "test"), metrics=None):
    """min |theta - A|^2 and |theta - B|^2, whose weighted sum is least at w A + (1 - w) B; validation is
    satisfied best by w = 0.3, test by 0.8."""
    parts = {"validation": _samples(_between(0.3)), "test": _samples(_between(0.8))}
    return ModelProblem(
        Point,
        losses or {"to A": _to(A), "to B": _to(B)},
        train=_samples(torch.zeros(3), 7),
        heldout={name: parts[name] for name in heldout},
        metrics=metrics or {"error": _error},
        batch_size=batch_size,
        bound=bound,
    )


def search(task, by="grid", **options):
    options = {"chosen_by": "error", "larger_is_better": False, "steps": 150, **options}
    return search_weights(task, by, **options)


W11 = np.column_stack([np.linspace(0, 1, 11), 1 - np.linspace(0, 1, 11)])


def test_the_weights_that_validation_wants_are_found():
    found = search(points(), weights=W11, learning_rates=(0.05, 0.05), n_rates=1)
    chosen = found.settings.loc[found.chosen]
    assert chosen["w to A"] == pytest.approx(0.3)
    assert chosen["validation error"] == pytest.approx(0.0, abs=1e-3)
    distance = float((_between(0.3) - _between(0.8)).square().sum())
    assert found.test["mean"]["test error"] == pytest.approx(distance, abs=0.05)
    np.testing.assert_allclose(found.X[found.row], _between(0.3), atol=0.02)


def test_every_model_is_where_its_weights_put_it():
    found = search(points(), weights=W11, learning_rates=(0.1, 0.2), n_rates=2)
    assert len(found.X) == len(found.table) == 22
    expected = torch.stack([_between(w) for w in found.table["w to A"].tolist()])
    np.testing.assert_allclose(found.X, expected, atol=0.02)
    assert found.table["learning rate"].unique() == pytest.approx([0.1, 0.2])
    # sqrt f1 + sqrt f2 = |A - B| on the front of two squared distances
    roots = np.sqrt(found.settings[["validation to A", "validation to B"]]).sum(axis=1)
    np.testing.assert_allclose(roots, float((A - B).norm()), atol=0.02)


@pytest.mark.parametrize("by", ["random", "bayesian", "nsga2"])
def test_the_other_methods_come_near_it(by):
    found = search(points(), by, n=24, learning_rates=(0.02, 0.2))
    assert found.settings.loc[found.chosen, "validation error"] < 0.01
    assert found.settings.loc[found.chosen, "w to A"] == pytest.approx(0.3, abs=0.06)


def test_bayesian_search_goes_where_it_is_good():
    """Over five searches, since one of eight settings has luck either way."""
    first, later = [], []
    for seed in range(5):
        found = search(points(), "bayesian", n=16, batch=8, learning_rates=(0.02, 0.2), steps=60, seed=seed)
        errors = found.settings["validation error"].to_numpy()
        first.extend(errors[:8])
        later.extend(errors[8:])
    assert np.median(later) < 0.5 * np.median(first)


def test_nsga2_spreads_over_the_front():
    found = search(points(), "nsga2", n=40, learning_rates=(0.02, 0.2))
    weights = found.front["w to A"]
    assert weights.min() < 0.1
    assert weights.max() > 0.9
    assert len(found.front) >= 10


@pytest.mark.parametrize("by", METHODS)
def test_every_method_gets_the_same_number_of_settings_and_steps(problem, by):
    found = search_weights(problem, by, n=12, steps=3, batch=4, seeds=2, chosen_by="text accuracy")
    assert len(found.settings) == 12
    assert len(found.X) == len(found.table) == 24
    assert (found.cost.n_f, found.cost.n_vjp) == (72, 72)
    assert set(found.table.status) == {"ok"}
    assert f"{by}: 12 settings, 2 seeds, 3 adam steps each" in found.rule
    W = found.settings[["w image loss", "w text loss"]].to_numpy()
    np.testing.assert_allclose(W.sum(axis=1), 1.0)
    assert found.settings["learning rate"].between(1e-3 * 0.999, 0.1 * 1.001).all()
    again = search_weights(problem, by, n=12, steps=3, batch=4, seeds=2, chosen_by="text accuracy")
    np.testing.assert_array_equal(found.X, again.X)


@pytest.mark.parametrize("k", [4, 5, 6, 9, 12])
def test_a_grid_has_equal_weights_in_it(k):
    losses = {name: _to(target) for name, target in (("a", A), ("b", B), ("c", A + B))}
    found = search(points(losses), n=k, n_rates=1, steps=1)
    W = found.settings[["w a", "w b", "w c"]].to_numpy()
    assert np.isclose(W, 1 / 3).all(axis=1).sum() == 1
    assert len(np.unique(W.round(9), axis=0)) == k
    assert W.max() == pytest.approx(1.0)


# ------------------------------------------------------------------ training


def test_rows_trained_at_once_are_those_trained_alone(problem):
    W, rates = (
        np.array([[0.1, 0.9], [0.5, 0.5], [1.0, 0.0], [0.7, 0.3], [0.2, 0.8]]),
        np.geomspace(1e-3, 0.1, 5),
    )
    together = train_rows(problem, W, rates, 30, 4).X
    for k in range(5):
        alone = train_rows(problem, W[k : k + 1], rates[k : k + 1], 30, 4).X
        np.testing.assert_allclose(together[k], alone[0], atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_a_row_takes_the_steps_of_pytorchs_adam(problem):
    X, *_ = train_rows(problem, np.array([[0.3, 0.7]]), np.array([0.02]), 25, 1)
    start, draws = (np.random.default_rng(s) for s in np.random.SeedSequence(1).spawn(2))
    module = problem.module(problem.sample(1, start)[0])
    optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
    cosine = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.001 + 0.999 * 0.5 * (1 + np.cos(np.pi * step / 25))
    )
    for _ in range(25):
        batch = problem.train.take(draws.choice(40, 16, replace=False))
        optimizer.zero_grad()
        image, text = (nn.functional.cross_entropy(part, batch.labels) for part in module(**batch.modalities))
        (0.3 * image + 0.7 * text).backward()
        optimizer.step()
        cosine.step()
    expected = torch.cat([p.detach().reshape(-1) for p in module.parameters()])
    np.testing.assert_allclose(X[0], expected, atol=1e-5)


def test_models_stay_within_the_bounds():
    found = search(points(bound=0.4), n=12, learning_rates=(0.1, 0.3))
    assert np.abs(found.X).max() <= np.float32(0.4)
    assert np.abs(found.X).max() > 0.39


# ------------------------------------------------------------------ divergence


def _diverging():
    """Where the weight of the first loss is large and the rate too, theta comes to the pole or nearly."""

    def pole(theta, samples):
        return 10 * theta[0] + torch.where(theta[0] < -3.0, torch.nan, 0.0)

    return points({"pole": pole, "to B": _to(B)})


@pytest.mark.parametrize("by", METHODS)
def test_what_diverges_is_recorded_and_the_rest_goes_on(by):
    found = search(_diverging(), by, n=16, steps=100, learning_rates=(0.001, 0.3), seeds=2)
    bad = found.table.status != "ok"
    assert 0 < bad.sum() < 32
    assert len(found.X) == 32
    assert found.table.status[bad].str.fullmatch(r"diverged at step \d+").all()
    assert (found.table.steps[bad] < 100).all()
    assert (found.table.steps[~bad] == 100).all()
    assert np.isfinite(found.X).all()
    assert (found.X[bad.to_numpy(), 0] >= -3.0).all()
    assert np.isfinite(found.table["validation pole"]).all()
    assert found.settings.loc[found.chosen, "ok"]
    assert found.front.ok.all()


@pytest.mark.parametrize(("larger", "told"), [(True, 1.0), (False, 7.0)])
def test_what_diverged_counts_as_the_worst_seen_so_far(larger, told):
    worst = Worst(np.zeros(1), larger)
    assert worst.filled(np.array([[np.nan]])).tolist() == [[0.0]]
    assert worst.filled(np.array([[3.0], [np.nan], [7.0], [1.0]]))[1, 0] == told
    assert worst.filled(np.array([[np.nan], [2.0]])).tolist() == [[told], [2.0]]


def test_a_row_that_diverges_leaves_the_others_as_they_were():
    W, rates = np.array([[0.9, 0.1], [0.1, 0.9], [0.0, 1.0], [0.2, 0.8]]), np.array([0.3, 0.01, 0.02, 0.01])
    X, stopped, *_ = train_rows(_diverging(), W, rates, 60, 0)
    assert stopped[0] < 60
    assert stopped[1:].tolist() == [60] * 3
    rest, *_ = train_rows(_diverging(), W[1:], rates[1:], 60, 0)
    np.testing.assert_allclose(X[1:], rest, atol=1e-6)


@pytest.mark.parametrize("by", METHODS)
def test_when_all_diverge_everything_is_there_but_a_choice(by, tmp_path):
    task = points({"nan": lambda theta, samples: theta.sum() * torch.nan, "to B": _to(B)})
    found = search(task, by, n=12, steps=5)
    assert found.chosen is None
    assert len(found.table) == 12
    assert set(found.table.status) == {"diverged at step 1"}
    assert found.front.empty
    assert found.test.empty
    with pytest.raises(ProblemError, match="no model was chosen: every setting diverged"):
        found.module(task)
    found.save(tmp_path)
    assert WeightSearch.load(tmp_path).chosen is None


def test_losses_that_raise_end_the_search_with_what_they_said():
    def broken(theta, samples):
        raise RuntimeError("no such thing")

    with pytest.raises((EvaluationError, ProblemError, RuntimeError), match="no such thing"):
        search(points({"broken": broken, "to B": _to(B)}), n=12, steps=5)


# ------------------------------------------------------------------ choosing


def test_the_test_split_is_looked_at_once_and_for_the_chosen_alone(monkeypatch):
    looked = []
    report = ModelProblem.report
    monkeypatch.setattr(
        ModelProblem, "report", lambda self, X: looked.append((*self.heldout, len(X))) or report(self, X)
    )
    search(points(), n=12, steps=5, seeds=3)
    assert looked == [*[("validation", 12)] * 3, ("test", 3)]


def test_other_test_samples_change_no_choice():
    task, other = points(), points()
    other.heldout["test"] = _samples(_between(0.1))
    options = {"weights": W11, "n_rates": 1, "learning_rates": (0.05, 0.05)}
    one, two = search(task, **options), search(other, **options)
    assert one.chosen == two.chosen
    assert one.test["mean"]["test error"] != two.test["mean"]["test error"]


def test_seeds_give_means_and_intervals():
    found = search(points(), n=12, steps=40, seeds=[3, 5, 8], learning_rates=(0.02, 0.02), n_rates=2)
    assert sorted(found.table.seed.unique()) == [3, 5, 8]
    rows = found.table[found.table.setting == found.chosen]
    assert found.settings.loc[found.chosen, "validation error"] == pytest.approx(
        rows["validation error"].mean()
    )
    assert found.settings["validation error"].min() == found.settings.loc[found.chosen, "validation error"]
    values = points().report(found.X[rows.index])["test error"]
    half = 4.302653 * values.std(ddof=1) / np.sqrt(3)  # Student's t, two degrees of freedom
    assert found.test.loc["test error"].tolist() == pytest.approx(
        [values.mean(), values.mean() - half, values.mean() + half], rel=1e-5
    )
    assert found.row == rows["validation error"].idxmin()


def test_metrics_are_better_larger_and_losses_smaller_unless_stated():
    options = {"weights": W11, "n_rates": 1, "learning_rates": (0.05, 0.05), "steps": 150}
    by_loss = search_weights(points(), chosen_by="to A", **options)
    assert by_loss.settings.loc[by_loss.chosen, "w to A"] == 1.0
    worst = search_weights(points(), chosen_by="error", **options)
    assert worst.settings.loc[worst.chosen, "w to A"] == 1.0
    assert "largest mean validation error" in worst.rule


def test_a_task_says_itself_what_it_is_chosen_by():
    task = points()
    task.chosen_by, task.larger_is_better = "error", False
    found = search_weights(task, weights=W11, n_rates=1, learning_rates=(0.05, 0.05))
    assert found.settings.loc[found.chosen, "w to A"] == pytest.approx(0.3)
    assert "smallest mean validation error" in found.rule
    by_loss = search_weights(task, weights=W11, n_rates=1, learning_rates=(0.05, 0.05), chosen_by="to B")
    assert by_loss.settings.loc[by_loss.chosen, "w to B"] == 1.0


def test_equal_values_are_told_apart_by_the_validation_losses():
    task = points(metrics={"error": lambda theta, samples: theta.sum() * 0.0})
    found = search(task, weights=W11, n_rates=1, learning_rates=(0.05, 0.05))
    assert found.settings.loc[found.chosen, "w to A"] == pytest.approx(0.5)


def test_a_task_without_test_samples_is_searched_all_the_same():
    assert search(points(heldout=("validation",)), n=12, steps=5).test.empty


def test_one_loss_has_a_learning_rate_to_search():
    task = points({"to A": _to(A)})
    for by in METHODS:
        found = search(task, by, n=12, steps=60)
        np.testing.assert_allclose(found.table["w to A"], 1.0, rtol=1e-12)


def test_the_chosen_model_is_a_plain_module():
    task = points()
    found = search(task, n=12, steps=20)
    module = found.module(task)
    assert type(module) is Point
    np.testing.assert_array_equal(module.theta.detach(), found.X[found.row])


# ------------------------------------------------------------------ storage


def test_a_search_comes_back_from_its_folder(tmp_path):
    found = search(_diverging(), n=16, steps=100, learning_rates=(0.001, 0.3), seeds=2)
    found.save(tmp_path / "a")
    loaded = WeightSearch.load(tmp_path / "a")
    np.testing.assert_array_equal(loaded.X, found.X)
    pd.testing.assert_frame_equal(loaded.table, found.table)
    pd.testing.assert_frame_equal(loaded.test, found.test)
    for name in ("chosen", "rule", "cost", "names", "by_metric", "row"):
        assert getattr(loaded, name) == getattr(found, name)
    with pytest.raises(StorageError, match="already holds files"):
        found.save(tmp_path / "a")
    found.save(tmp_path / "a", overwrite=True)


def test_what_is_no_search_is_refused(tmp_path):
    with pytest.raises(StorageError, match="does not exist"):
        WeightSearch.load(tmp_path)
    one, two = search(points(), n=12, steps=2), search(points(), n=16, steps=2)
    one.save(tmp_path / "a")
    two.save(tmp_path / "b")
    (tmp_path / "a" / "models.npz").write_bytes((tmp_path / "b" / "models.npz").read_bytes())
    with pytest.raises(StorageError, match="is torn: 16 models, 12 rows of figures"):
        WeightSearch.load(tmp_path / "a")
    for content in ("{}", "[1]", "3", '{"table": 3}'):
        (tmp_path / "b" / "search.json").write_text(content)
        with pytest.raises(StorageError, match="holds no weight search"):
            WeightSearch.load(tmp_path / "b")


# ------------------------------------------------------------------ misuse


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "bayes"}, "unknown by 'bayes': did you mean 'bayesian'"),
        ({"n": 0}, "n=0 is not accepted: give an integer of at least 1"),
        ({"n": 10}, "n=10 is not accepted with by='grid': give a multiple of n_rates=4, at least 12"),
        ({"n": 4}, "n=4 is not accepted with by='grid'"),
        ({"n": 3, "weights": [0.5, 0.5]}, r"n=3 is not accepted: give 4 \(the weights times n_rates=4\)"),
        ({"steps": 0}, "steps=0 is not accepted: give an integer of at least 1"),
        (
            {"learning_rates": (-0.1, 0.1)},
            "learning_rates=.* is not accepted: give the least and the greatest",
        ),
        ({"learning_rates": (0.1, 0.01)}, "both above zero"),
        ({"learning_rates": 0.1}, "learning_rates=0.1 is not accepted"),
        ({"learning_rates": ("a", "b")}, "learning_rates=.* is not accepted"),
        ({"weights": [[0.5, 0.6]]}, r"weights\[0\] sum to 1.1, expected 1"),
        ({"weights": [[1.5, -0.5]]}, "weights are not accepted: give numbers >= 0"),
        ({"weights": [[0.2, 0.3, 0.5]]}, r"weights have shape \(1, 3\), expected \(n, 2\)"),
        ({"weights": [0.5, 0.5], "by": "random"}, "weights= is for by='grid': by='random' finds its own"),
        ({"batch": 3, "by": "nsga2"}, "batch=3 is not accepted: give an even number"),
        ({"n_rates": 0}, "n_rates=0 is not accepted"),
        ({"seeds": 0}, "seeds=0 is not accepted: give how many, or different integers >= 0"),
        ({"seeds": [1, 1]}, "seeds=.* is not accepted"),
        ({"seeds": [0.5]}, "seeds=.* is not accepted"),
        ({"seed": -1}, "seed=-1 is not accepted: give an integer >= 0"),
        ({"chosen_by": "eror"}, "unknown chosen_by 'eror': did you mean 'error'"),
        (
            {"chosen_by": None},
            r"ModelProblem does not say what .*: give chosen_by=, one of \['error', 'to A'",
        ),
    ],
)
def test_options_out_of_range_are_one_sentence(options, message):
    with pytest.raises(OptionError, match=message):
        search(points(), **options)


def test_a_task_must_be_one_and_have_validation_samples():
    with pytest.raises(ProblemError, match="task is str, expected a ModelProblem"):
        search_weights("emoji")
    with pytest.raises(ProblemError, match="ModelProblem has no held-out samples 'validation'"):
        search(points(heldout=("test",)))


def test_without_optuna_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'moo\[bayes\]'"):
        search(points(), "bayesian")


# ------------------------------------------------------------------ Ctrl-C


def _interrupting(problem, after):
    """The same problem, on which Ctrl-C is pressed at the evaluation of this number."""
    stopped, calls = copy.copy(problem), itertools.count(1)

    def objectives(*args, **kwargs):
        if next(calls) == after:
            raise KeyboardInterrupt
        return problem.objectives(*args, **kwargs)

    stopped.objectives = objectives
    return stopped


def test_ctrl_c_keeps_every_model_and_chooses_among_those_that_were_finished(problem, tmp_path):
    options = {"n": 12, "steps": 10, "seeds": 2, "chosen_by": "image accuracy"}
    whole = search_weights(problem, **options)
    found = search_weights(_interrupting(problem, 14), **options)
    assert found.interrupted
    assert not whole.interrupted
    assert found.table.status.tolist() == ["ok"] * 12 + ["interrupted at step 4"] * 12
    np.testing.assert_allclose(found.X[:12], whole.X[:12], atol=1e-6)
    assert len(found.settings) == 12
    assert len(found.tested) == 1
    found.save(tmp_path / "found")
    assert WeightSearch.load(tmp_path / "found").interrupted
    assert found.cost.n_f < whole.cost.n_f


@pytest.mark.parametrize("by", METHODS)
def test_ctrl_c_at_once_leaves_the_models_and_no_choice(by, problem):
    found = search_weights(_interrupting(problem, 4), by, n=12, steps=10, chosen_by="image accuracy")
    assert found.table.status.str.match("interrupted at step [34]$").all()
    assert len(found.X) == len(found.table) == (12 if by in ("grid", "random") else 8)
    assert found.chosen is None
    assert found.rule.startswith("no setting was finished")
    assert len(found.settings) == len(found.front) == 0
