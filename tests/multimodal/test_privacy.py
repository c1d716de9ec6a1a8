"""What one row can change, what the account says of it, and the models that come of it."""

from __future__ import annotations

import copy
import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm
from torch import nn

from moo.errors import MissingExtraError, OptionError, ProblemError
from moo.multimodal import ImageTextProblem, ModelProblem, Samples
from moo.multimodal.privacy import (
    PrivacyFront,
    figures,
    fit_private,
    joint_noise,
    noise_for,
    privacy_front,
    spent,
)

BLOCKS = {"image_encoder.": 2.0, "text_encoder.": 1.0, "": 0.5}


class Recorded(torch.optim.SGD):
    """In Adam's place: parameters move by minus the noisy gradient."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, lr=1.0)


@pytest.fixture
def sgd(monkeypatch):
    monkeypatch.setattr(torch.optim, "Adam", Recorded)


def _start(problem, seed=0):
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[0])
    return problem.module(problem.sample(1, rng)[0])


def _moved(problem, fit, seed=0):
    """What each parameter of the module lost, by name."""
    before = dict(_start(problem, seed).named_parameters())
    return {name: (before[name] - after).detach() for name, after in fit.module.named_parameters()}


def _norm(tensors):
    return float(torch.cat([t.reshape(-1) for t in tensors]).norm())


def _in(block, moved):
    rest = [name for name in moved if not any(b and name.startswith(b) for b in BLOCKS)]
    return [moved[name] for name in (moved if block else rest) if name.startswith(block)]


@pytest.fixture
def whole(data):
    return ImageTextProblem(data, batch_size=None)


# ------------------------------------------------------------------ the mechanism


def test_without_noise_and_clipping_it_is_the_gradient_of_the_weighted_loss(whole, sgd):
    fit = fit_private(whole, noise=0.0, clip=1e6, weights=[0.3, 0.7], steps=1, batch_size=40)
    module = _start(whole)
    image, text = (
        nn.functional.cross_entropy(part, whole.train.labels) for part in module(**whole.train.modalities)
    )
    (0.3 * image + 0.7 * text).backward()
    moved = _moved(whole, fit)
    for name, parameter in module.named_parameters():
        torch.testing.assert_close(moved[name], parameter.grad, atol=1e-6, rtol=1e-4)
    assert fit.epsilon == math.inf


def _without_row(problem, row):
    """The problem with one training row less."""
    less = copy.copy(problem)
    less.train = problem.train.take(np.delete(np.arange(len(problem.train)), row))
    return less


@pytest.mark.parametrize("row", [0, 17, 39])
def test_one_row_moves_each_block_by_its_clip_at_most(whole, sgd, row):
    clips = {"image_encoder.": 0.02, "text_encoder.": 0.3, "": 0.1}
    options = {"noise": dict.fromkeys(BLOCKS, 0.0), "clip": clips, "steps": 1}
    less = _without_row(whole, row)
    with_row = _moved(whole, fit_private(whole, batch_size=40, **options))
    without = _moved(less, fit_private(less, batch_size=39, **options))
    for block, clip in clips.items():
        pairs = zip(_in(block, with_row), _in(block, without), strict=True)
        change = _norm([40 * a - 39 * b for a, b in pairs])  # of the sums
        assert change <= clip * 1.0001
        if block == "image_encoder.":
            assert change > 0.9 * clip  # which is small enough to be reached


def test_a_single_clip_holds_for_all_parameters_together(whole, sgd):
    less = _without_row(whole, 3)
    options = {"noise": 0.0, "clip": 0.05, "steps": 1}
    with_row = _moved(whole, fit_private(whole, batch_size=40, **options))
    without = _moved(less, fit_private(less, batch_size=39, **options))
    assert 0.045 < _norm([40 * with_row[n] - 39 * without[n] for n in with_row]) <= 0.05 * 1.0001


def test_a_row_whose_gradient_is_not_finite_counts_as_zero(whole, sgd):
    options = {"noise": 0.0, "clip": 0.05, "steps": 1}
    less = _without_row(whole, 5)
    whole.train.modalities["text"][5] = torch.nan
    with_row = _moved(whole, fit_private(whole, batch_size=40, **options))
    without = _moved(less, fit_private(less, batch_size=39, **options))
    assert _norm([40 * with_row[n] - 39 * without[n] for n in with_row]) < 1e-5


def test_each_block_gets_noise_of_its_own_size(data, sgd):
    def flat(output, samples):
        return (output.image * 0.0).sum()

    problem = ImageTextProblem(data, batch_size=None)
    problem.losses = {"image loss": flat, "text loss": flat}
    clips = {"image_encoder.": 0.1, "text_encoder.": 4.0, "": 1.0}
    found: dict[str, list[torch.Tensor]] = {block: [] for block in BLOCKS}
    for seed in range(4):
        fit = fit_private(problem, noise=BLOCKS, clip=clips, steps=1, batch_size=10, seed=seed)
        for block in BLOCKS:
            found[block].extend(part.reshape(-1) for part in _in(block, _moved(problem, fit, seed)))
    for block, parts in found.items():
        values = torch.cat(parts)
        expected = BLOCKS[block] * clips[block] / 10  # over the expected number of rows
        assert float(values.std()) == pytest.approx(expected, rel=4 / math.sqrt(2 * len(values)))


def test_rows_are_drawn_one_by_one(whole, monkeypatch):
    drawn = []
    take = Samples.take
    monkeypatch.setattr(Samples, "take", lambda self, index: drawn.append(index) or take(self, index))
    fit_private(whole, noise=1.0, steps=200, batch_size=4)
    sizes = np.array([len(index) for index in drawn])
    # binomial of 40 rows at 0.1: mean 4, variance 3.6, some steps without rows
    assert sizes.mean() == pytest.approx(4.0, abs=4 * math.sqrt(3.6 / 200))
    assert sizes.var() == pytest.approx(3.6, rel=0.35)
    assert (sizes == 0).any()
    assert all(len(set(index.tolist())) == len(index) for index in drawn)


def test_the_module_is_as_torch_made_it(whole):
    fit = fit_private(whole, noise=1.0, steps=2, batch_size=10)
    for parameter in fit.module.parameters():
        assert not hasattr(parameter, "grad_sample")
        assert not hasattr(parameter, "summed_grad")
    again = fit_private(whole, noise=1.0, steps=2, batch_size=10)
    other = fit_private(whole, noise=1.0, steps=2, batch_size=10, seed=1)
    flat = [torch.cat([p.reshape(-1) for p in f.module.parameters()]) for f in (fit, again, other)]
    assert torch.equal(flat[0], flat[1])
    assert not torch.equal(flat[0], flat[2])


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.slope = nn.Linear(3, 1, bias=False)
        self.frozen = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, x):
        return self.slope(x)[:, 0] * self.frozen


def _absolute(output, samples):
    return ((output - samples.targets["y"]).square() * samples.mask("x")).mean()


def test_missing_modalities_targets_and_frozen_parameters_are_taken(sgd):
    x, y = torch.randn(20, 3), torch.randn(20)
    present = torch.arange(20) % 4 != 0
    samples = Samples({"x": x}, torch.zeros(20, dtype=torch.long), {"x": present}, {"y": y})
    task = ModelProblem(Masked, {"error": _absolute}, train=samples)
    fit = fit_private(task, noise=0.0, clip=1e6, steps=1, batch_size=20)
    module = _start(task)
    _absolute(module(x), samples).backward()
    torch.testing.assert_close(_moved(task, fit)["slope.weight"], module.slope.weight.grad)
    assert fit.module.frozen == 1.0


# ------------------------------------------------------------------ the account


def _gaussian_epsilon(noise, steps, delta):
    """Exact for full batches: (epsilon, delta) of steps Gaussian mechanisms together (Balle and Wang 2018,
    theorem 8, with sensitivity sqrt(steps) / noise)."""
    mu = math.sqrt(steps) / noise

    def excess(epsilon):
        first = norm.cdf(mu / 2 - epsilon / mu)
        return first - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu) - delta

    return brentq(excess, 0.0, 100.0)


@pytest.mark.parametrize(("noise", "steps"), [(4.0, 1), (20.0, 100), (8.0, 10)])
def test_epsilon_is_never_below_the_exact_one(noise, steps):
    exact = _gaussian_epsilon(noise, steps, 1e-5)
    prv, rdp = (spent(noise, 1.0, steps, 1e-5, accountant) for accountant in ("prv", "rdp"))
    assert exact <= prv <= exact + 0.05
    assert exact <= rdp <= 1.25 * exact


def test_blocks_of_full_batches_are_accounted_exactly(whole):
    """Independent noise on two blocks is one Gaussian mechanism of sensitivity sqrt(1/9 + 1/16) = 5/12."""
    fit = fit_private(
        whole, noise={"image_encoder.": 3.0, "": 4.0}, steps=1, batch_size=40, delta=1e-5, accountant="rdp"
    )
    assert fit.noise == pytest.approx(12 / 5)
    assert fit.epsilon == pytest.approx(spent(12 / 5, 1.0, 1, 1e-5, "rdp"))
    assert _gaussian_epsilon(12 / 5, 1, 1e-5) <= fit.epsilon


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.1, 100.0), min_size=1, max_size=6))
def test_several_blocks_have_less_noise_together_than_any_of_them(noises):
    joint = joint_noise(noises)
    assert joint <= min(noises) * (1 + 1e-12)
    assert joint >= min(noises) / math.sqrt(len(noises)) * (1 - 1e-12)
    assert joint_noise([*noises, 0.0]) == 0.0
    assert joint_noise(noises[:1]) == pytest.approx(noises[0])


def test_more_noise_and_fewer_steps_or_rows_spend_less():
    epsilon = spent(1.0, 0.1, 100, 1e-4, "rdp")
    assert spent(1.2, 0.1, 100, 1e-4, "rdp") < epsilon
    assert spent(1.0, 0.08, 100, 1e-4, "rdp") < epsilon
    assert spent(1.0, 0.1, 80, 1e-4, "rdp") < epsilon
    assert spent(1.0, 0.1, 100, 1e-3, "rdp") < epsilon
    assert spent(1.0, 0.1, 100, 1e-4, "prv") < epsilon
    assert spent(0.0, 0.1, 100, 1e-4) == math.inf


@pytest.mark.parametrize("noise", [0.1, 0.02])
def test_large_epsilons_are_not_left_to_prv_which_takes_gigabytes(noise, monkeypatch):
    def refuse(*given, **named):
        raise AssertionError("asked for a large epsilon")

    monkeypatch.setattr("opacus.accountants.PRVAccountant.get_epsilon", refuse)
    assert 50 < spent(noise, 0.1, 300, 1e-4, "prv") == spent(noise, 0.1, 300, 1e-4, "rdp") < math.inf


@pytest.mark.parametrize("epsilon", [0.3, 2.0, 20.0])
def test_the_noise_for_an_epsilon_spends_it_and_no_more(epsilon):
    noise = noise_for(epsilon, 0.1, 100, 1e-4, "rdp")
    assert 0.985 * epsilon <= spent(noise, 0.1, 100, 1e-4, "rdp") <= epsilon


# ------------------------------------------------------------------ fronts

QUICK = {"steps": 30, "batch_size": 20, "accountant": "rdp", "learning_rate": 0.02}


def test_a_front_has_the_levels_asked_for_and_reports_every_model(whole):
    front = privacy_front(whole, epsilons=[1.0, 10.0, math.inf], seeds=2, **QUICK)
    assert front.table.epsilon.tolist() == pytest.approx([1, 1, 10, 10, math.inf, math.inf], rel=0.015)
    assert (front.table.epsilon <= [1, 1, 10, 10, math.inf, math.inf]).all()
    assert front.table.seed.tolist() == [0, 1] * 3
    assert (front.table.delta == 1 / 400).all()
    summary = front.summary("train text loss")
    assert summary.n.tolist() == [2, 2, 2]
    assert summary["mean"].iloc[0] > summary["mean"].iloc[-1]  # less privacy, better fit
    pair = front.table["train text loss"][:2]
    half = 12.7062 * pair.std(ddof=1) / math.sqrt(2)
    assert summary.high.iloc[0] == pytest.approx(pair.mean() + half, rel=1e-4)


def test_blocks_keep_their_ratios_and_reach_the_level(whole):
    front = privacy_front(whole, epsilons=[3.0], blocks=BLOCKS, **QUICK)
    assert front.table.epsilon[0] == pytest.approx(3.0, rel=0.015)
    by_noise = privacy_front(whole, noises=[front.table.noise[0]], blocks=BLOCKS, **QUICK)
    assert by_noise.table.epsilon[0] == pytest.approx(front.table.epsilon[0])
    assert by_noise.table["test text loss"][0] == pytest.approx(front.table["test text loss"][0])


def test_one_seed_has_no_interval(whole):
    summary = privacy_front(whole, noises=[0.0, 1.0], **QUICK).summary("test text accuracy")
    assert summary[["low", "high"]].isna().all(axis=None)
    assert summary.index[1] == math.inf


def test_figures_are_those_of_the_report(whole):
    X = whole.sample(1, np.random.default_rng(0))
    expected = whole.report(X)
    assert figures(whole, whole.module(X[0])) == pytest.approx(
        {n: v[0] for n, v in expected.items()}, abs=1e-5
    )


# ------------------------------------------------------------------ misuse


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": -1.0}, "noise=-1.0 is not accepted: give a number >= 0"),
        ({"noise": {"image_encoder.": math.nan, "": 1.0}}, r"noise\['image_encoder.'\]=nan is not accepted"),
        (
            {"noise": {"image_encoder.": 1.0}},
            "parameter .* is in none of the blocks .*: give '' for the rest",
        ),
        (
            {"noise": {"audio": 1.0, "": 1.0}},
            "no parameter is in block 'audio': their names are image_encoder",
        ),
        ({"noise": BLOCKS, "clip": {"": 1.0}}, r"clip has the blocks \[''\], expected those of noise"),
        ({"clip": 0.0}, "clip=0.0 is not accepted: give a number above zero"),
        ({"steps": 0}, "steps=0 is not accepted: give an integer of at least 1"),
        ({"batch_size": 41}, "batch_size=41 is not accepted: give an integer from 1 to the 40 training rows"),
        ({"learning_rate": -0.1}, "learning_rate=-0.1 is not accepted"),
        ({"delta": 1.0}, "delta=1.0 is not accepted: give a number above 0 and below 1"),
        ({"accountant": "pvr"}, "unknown accountant 'pvr': did you mean 'prv'"),
        ({"weights": [1.0, -1.0]}, "weights are not accepted: give numbers >= 0"),
        ({"weights": np.eye(2)}, "give one weight vector"),
        ({"seed": -1}, "seed=-1 is not accepted: give an integer >= 0"),
    ],
)
def test_options_out_of_range_are_one_sentence(whole, options, message):
    with pytest.raises(OptionError, match=message):
        fit_private(whole, **{"batch_size": 10, "steps": 1, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give one of epsilons= and noises="),
        ({"epsilons": [1.0], "noises": [1.0]}, "give one of epsilons= and noises="),
        ({"epsilons": []}, r"epsilons=\[\] is not accepted: give a list of numbers above zero"),
        ({"epsilons": [0.0]}, "epsilons=.* is not accepted"),
        ({"epsilons": 1.0}, "epsilons=1.0 is not accepted"),
        ({"noises": [-1.0]}, "noises=.* is not accepted: give a list of numbers >= 0"),
        ({"noises": ["a"]}, "noises=.* is not accepted"),
        ({"noises": [1.0], "seeds": 0}, "seeds=0 is not accepted"),
        ({"noises": [1.0], "blocks": {"image_encoder.": 0.0, "": 1.0}}, "blocks=.* give numbers above zero"),
        ({"epsilons": [1e-12]}, "epsilon=1e-12 cannot be reached in 30 steps"),
    ],
)
def test_levels_out_of_range_are_one_sentence(whole, options, message):
    with pytest.raises(OptionError, match=message):
        privacy_front(whole, **options, **QUICK)


def test_a_typo_in_an_option_is_a_type_error(whole):
    with pytest.raises(TypeError, match="unknown option 'stepz': did you mean 'steps'"):
        privacy_front(whole, noises=[1.0], stepz=3)


def test_an_unknown_figure_is_one_sentence(whole):
    front = privacy_front(whole, noises=[1.0], **{**QUICK, "steps": 1})
    assert isinstance(front, PrivacyFront)
    with pytest.raises(OptionError, match="unknown figure 'test text acuracy': did you mean 'test text acc"):
        front.summary("test text acuracy")


def test_what_is_no_task_or_has_no_losses_of_rows_is_one_sentence(data):
    with pytest.raises(ProblemError, match="task is str, expected a ModelProblem"):
        fit_private("emoji")
    problem = ImageTextProblem(data, batch_size=None)
    problem.losses["image loss"] = lambda output, samples: output.image[:2, 1].sum() / samples.labels.item()
    with pytest.raises(ProblemError, match="the losses cannot be taken of one training row by itself"):
        fit_private(problem, steps=1, batch_size=40)


def test_without_opacus_the_extra_is_named(whole, monkeypatch):
    monkeypatch.setitem(sys.modules, "opacus.accountants", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'moo\[privacy\]'"):
        fit_private(whole, steps=1, batch_size=10)
