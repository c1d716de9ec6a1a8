"""Differentially private training: noise for each encoder, an account of it, accuracy against epsilon.

What is protected: one training example, that is, its row in every modality, its label and its targets.
Training is (epsilon, delta)-differentially private: for any two sets of training samples of which one has
that row beside those of the other, any outcome is at most e^epsilon times as probable with the one as with
the other, plus delta (Dwork and Roth 2014, definition 2.4). It holds for whoever sees the model, and even
for whoever sees every step's noisy gradient.

What is not: somebody who has several rows (k rows have k epsilon, at a larger delta); the number of rows; the
validation and test samples; what was made from the data before (a vocabulary, a normalisation); and the
choice among several trained models. Every row of a front has its own epsilon: who publishes them all, or
chooses one by what it learnt, spends more, at most the sum. A row whose gradient is not finite counts as
zero. Random numbers are torch's, which are not cryptographically secure, and floating-point numbers are not
real ones (Mironov 2012).

How: DP-SGD (Abadi et al. 2016, algorithm 1). A step draws each training row by itself with probability q
(Poisson sampling, which the account assumes), takes the gradient of each row's own losses, clips it, sums,
adds Gaussian noise and divides by the expected, not the actual, number of rows. The gradient of a row comes
from that row alone, whatever the loss, so its clipped norm is all that the row can change. Losses that
compare rows with each other, such as contrastive ones, see one row at a time and teach little or nothing.

Different noise for different blocks of parameters: block b is clipped to C_b by itself and gets noise of
standard deviation s_b C_b. One row moves all blocks at once, and all share one sample of rows; so they are
not accounted apart but as one Gaussian mechanism. In units of each block's noise, a row moves the sum by at
most 1 / s_b in block b, hence by sqrt(sum_b s_b^-2) in all, and the step is the subsampled Gaussian mechanism
with noise multiplier (sum_b s_b^-2)^(-1/2) (McMahan et al. 2018, "A general approach to adding differential
privacy to iterative training procedures"). That is less than the least s_b.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from moo.errors import MissingExtraError, OptionError, ProblemError, unknown_name
from moo.multimodal.data import Samples
from moo.multimodal.problem import ModelProblem
from moo.weights import given_weights

if TYPE_CHECKING:
    import pandas as pd

_ACCOUNTANTS = ("prv", "rdp")
_TOLERANCE = 0.01  # the share of an epsilon that the noise found for it may leave unspent
_LARGE = 50.0  # an epsilon, above which "prv" takes gigabytes
_MOST_NOISE = 1000.0  # beyond, accountants have reached the least that they can tell


@dataclass(frozen=True)
class PrivateFit:
    """What `fit_private` returns.

    Attributes:
        module: the trained module.
        epsilon: of this model alone; inf without noise.
        delta: the probability that the guarantee leaves out.
        noise: the noise multiplier of all blocks together, by which epsilon was accounted.
        noises: that of each block.
        sample_rate, steps: what was accounted, beside it.
        accountant: "prv" or "rdp".
    """

    module: nn.Module
    epsilon: float
    delta: float
    noise: float
    noises: dict[str, float]
    sample_rate: float
    steps: int
    accountant: str


@dataclass(frozen=True)
class PrivacyFront:
    """What `privacy_front` returns.

    Attributes:
        table: one row a model: "epsilon", "delta", "noise" (of all blocks together), "seed", and losses and
            metrics on the training, validation and test samples. Those on the training samples are for
            whoever holds them: they are not protected.
    """

    table: pd.DataFrame

    def summary(self, figure: str) -> pd.DataFrame:
        """Of one figure, such as "test text accuracy", by epsilon: "mean" over seeds, "low" and "high" of a
        95 % t interval (NaN with one seed), and "n" seeds.

        Raises:
            OptionError: for an unknown figure.
        """
        from scipy.stats import t

        if figure not in self.table.columns:
            raise OptionError(unknown_name("figure", figure, self.table.columns))
        found = self.table.groupby("epsilon")[figure].agg(["mean", "std", "count"])
        half = t.ppf(0.975, np.maximum(found["count"] - 1, 1)) * found["std"] / np.sqrt(found["count"])
        return found.assign(low=found["mean"] - half, high=found["mean"] + half, n=found["count"])[
            ["mean", "low", "high", "n"]
        ]


def fit_private(
    task: ModelProblem,
    *,
    noise: float | Mapping[str, float] = 1.0,
    clip: float | Mapping[str, float] = 1.0,
    weights: Any = None,
    steps: int = 300,
    batch_size: int = 128,
    learning_rate: float = 0.01,
    delta: float | None = None,
    accountant: str = "prv",
    seed: int = 0,
) -> PrivateFit:
    """Train one model of a task by DP-SGD, with Opacus's optimizer and accountant; Adam makes steps of the
    noisy gradients, which costs no privacy. What is protected is said at the top of this file.

    Args:
        task: whose weighted losses are minimised on its training samples.
        noise: the noise multiplier: standard deviation of the noise over the clipping norm. A mapping has one
            for each block, by the beginning of its parameters' names: ``{"image_encoder.": 2.0,
            "text_encoder.": 1.0, "": 1.0}``, where "" is the rest, and the longest one that fits counts.
            0 is no privacy.
        clip: the norm that a row's gradient is clipped to, of all parameters together or, with a mapping
            that has the blocks of ``noise``, of each block.
        weights: of the losses (n_obj,); equal ones by default.
        steps: steps to take.
        batch_size: training rows expected a step: the sample rate is batch_size / rows.
        learning_rate: of Adam.
        delta: by default 1 / (10 rows).
        accountant: "prv" (Gopi, Lee and Wutschitz 2021; tighter, up to epsilon 50, see `spent`) or "rdp"
            (Mironov, Talwar and Zhang 2019).
        seed: of the initialisation, the sampling and the noise. Whoever knows it can take the noise away:
            keep it secret, or large and random, where privacy matters.

    Raises:
        OptionError: for options out of their range, blocks that are no parameters', or parameters in none.
        ProblemError: when a loss cannot be taken of one row.
        MissingExtraError: without Opacus.
    """
    plan = _plan(task, noise, clip, weights, steps, batch_size, learning_rate, delta, accountant, seed)
    start, draws = np.random.SeedSequence(seed).spawn(2)
    module = task.module(task.sample(1, np.random.default_rng(start))[0])
    generator = torch.Generator().manual_seed(int(draws.generate_state(1, np.uint64)[0] >> 1))
    optimizers = [
        _optimizer(parameters, plan.noises[name], plan.clips[name], plan, generator)
        for name, parameters in _in_blocks(module, plan.noises).items()
    ]
    gradients = _RowGradients(task, module, plan.weights)
    rows = _opacus("opacus.utils.uniform_sampler").UniformWithReplacementSampler(
        num_samples=len(task.train), sample_rate=plan.rate, generator=generator, steps=steps
    )
    for index in rows:
        gradients.fill(task.train.take(np.array(index, dtype=np.int64)))
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    _clean(module)
    epsilon = spent(plan.noise, plan.rate, steps, plan.delta, accountant)
    return PrivateFit(module, epsilon, plan.delta, plan.noise, plan.noises, plan.rate, steps, accountant)


def privacy_front(
    task: ModelProblem,
    *,
    epsilons: Sequence[float] | None = None,
    noises: Sequence[float] | None = None,
    blocks: Mapping[str, float] | None = None,
    seeds: int = 1,
    **options: Any,
) -> PrivacyFront:
    """Train models at several levels of privacy, and report what that costs.

    Args:
        task: as in `fit_private`.
        epsilons: levels to reach, each by the noise found for it (the epsilon in the table is the one spent:
            at most that, and at most 1 % less). inf is no noise.
        noises: or noise multipliers, of all blocks together.
        blocks: the blocks' noise relative to each other, as ``noise`` in `fit_private`; by default one block.
        seeds: models a level: seeds 0, 1, ...
        **options: of `fit_private`: clip, weights, steps, batch_size, learning_rate, delta, accountant.

    Raises:
        OptionError: as `fit_private`; when not one of epsilons and noises is given.
        ProblemError, MissingExtraError: as `fit_private`.
    """
    import pandas as pd

    _refuse_unknown(options)
    if (epsilons is None) == (noises is None):
        raise OptionError("give one of epsilons= and noises=: the levels of privacy")
    name, levels = ("epsilons", epsilons) if noises is None else ("noises", noises)
    _require_levels(name, levels, zero=noises is not None)
    _require(_is_count(seeds), "seeds", seeds, "an integer of at least 1")
    plan = _plan(task, **{**_DEFAULTS, **options, "noise": 1.0 if blocks is None else blocks, "seed": 0})
    if plan.noise == 0.0:
        raise OptionError(f"blocks={blocks!r} is not accepted: give numbers above zero")
    rows = []
    for level in levels or ():
        total = (
            level
            if epsilons is None
            else noise_for(level, plan.rate, plan.steps, plan.delta, plan.accountant)
        )
        relative = {block: total / plan.noise * noise for block, noise in plan.noises.items()}
        for seed in range(seeds):
            fit = fit_private(task, **{**options, "noise": relative if blocks else total, "seed": seed})
            said = {"epsilon": fit.epsilon, "delta": fit.delta, "noise": fit.noise, "seed": seed}
            rows.append({**said, **figures(task, fit.module)})
    return PrivacyFront(pd.DataFrame(rows))


def figures(task: ModelProblem, module: nn.Module) -> dict[str, float]:
    """Losses and metrics of one module on the training samples and on all held-out ones, named as in
    `ModelProblem.report`."""
    found = {}
    with torch.no_grad():
        for part, samples in {"train": task.train, **task.heldout}.items():
            output = module(**task.inputs(samples))
            for name, measure in {**task.losses, **task.metrics}.items():
                found[f"{part} {name}"] = float(measure(output, samples))
    return found


def joint_noise(noises: Sequence[float]) -> float:
    """The noise multiplier of several blocks together, (sum_b s_b^-2)^(-1/2); 0 where one has none."""
    if min(noises) == 0.0:
        return 0.0
    return 1.0 / math.sqrt(sum(noise**-2 for noise in noises))


def spent(noise: float, rate: float, steps: int, delta: float, accountant: str = "prv") -> float:
    """The epsilon that so many steps spend, by Opacus's accountant; inf without noise. Above 50 it is always
    the one of "rdp", which is true as well and only less tight: "prv" needs memory that grows with epsilon,
    16 GB and more for noise 0.1.

    Args:
        noise: the noise multiplier, of all blocks together.
        rate: the probability of a row to be in a step.
        steps, delta, accountant: as in `fit_private`.

    Raises:
        MissingExtraError: without Opacus.
    """
    if noise == 0.0:
        return math.inf
    rough = _accounted(noise, rate, steps, delta, "rdp")
    if accountant == "rdp" or rough > _LARGE:
        return rough
    return _accounted(noise, rate, steps, delta, accountant)


def _accounted(noise: float, rate: float, steps: int, delta: float, accountant: str) -> float:
    counted = _opacus("opacus.accountants").create_accountant(mechanism=accountant)
    counted.history = [(noise, rate, steps)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that another order of the Renyi divergence might do better
        return float(counted.get_epsilon(delta=delta))


def noise_for(epsilon: float, rate: float, steps: int, delta: float, accountant: str = "prv") -> float:
    """About the least noise multiplier that spends at most ``epsilon``, and 1 % less of it at most; the other
    arguments as in `spent`.

    Raises:
        OptionError: when no noise up to 1,000 does.
        MissingExtraError: without Opacus.
    """
    if epsilon == math.inf:
        return 0.0
    low, high = 0.0, 1.0
    while (reached := spent(high, rate, steps, delta, accountant)) > epsilon:
        low, high = high, 2.0 * high
        if high > _MOST_NOISE:
            raise OptionError(
                f"epsilon={epsilon!r} cannot be reached in {steps} steps at delta={delta:g}: noise {low:g} "
                f"spends {reached:.3g}"
            )
    while reached < (1.0 - _TOLERANCE) * epsilon and high - low > _TOLERANCE**3 * high:
        middle = 0.5 * (low + high)
        found = spent(middle, rate, steps, delta, accountant)
        if found <= epsilon:
            high, reached = middle, found
        else:
            low = middle
    return high


# ------------------------------------------------------------------ training


class _OneRow(Samples):
    """A single row within `torch.func.vmap`, where values cannot be checked; they were, with their batch."""

    def __post_init__(self) -> None:
        return


class _RowGradients:
    """Fills ``grad_sample`` (n, *shape) of a module's parameters with the gradients of single rows."""

    def __init__(self, task: ModelProblem, module: nn.Module, weights: torch.Tensor) -> None:
        self.module = module
        self.trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
        losses = list(task.losses.values())

        def of_one_row(parameters: dict[str, torch.Tensor], parts: list[Any]) -> torch.Tensor:
            modalities, labels, present, targets = torch.utils._pytree.tree_map(lambda v: v[None], parts)
            row = _OneRow(modalities, labels, present, targets)
            output = torch.func.functional_call(module, parameters, (), task.inputs(row))
            return (torch.stack([loss(output, row) for loss in losses]) * weights).sum()

        self.of_rows = torch.func.vmap(torch.func.grad(of_one_row), in_dims=(None, 0))

    def fill(self, samples: Samples) -> None:
        """
        Raises:
            ProblemError: when the losses cannot be taken of one row.
        """
        parameters = {name: p.detach() for name, p in self.trained.items()}
        parts = [dict(samples.modalities), samples.labels, dict(samples.present), dict(samples.targets)]
        try:
            found = self.of_rows(parameters, parts) if len(samples) else _none(parameters)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise ProblemError(
                f"the losses cannot be taken of one training row by itself: {error}"
            ) from error
        finite = torch.stack([_finite_rows(g) for g in found.values()]).all(0)
        for name, parameter in self.trained.items():
            gradient = found[name]
            keep = finite.reshape(-1, *[1] * (gradient.ndim - 1))
            parameter.grad_sample = torch.where(keep, gradient, 0.0)  # type: ignore[attr-defined]


def _finite_rows(gradient: torch.Tensor) -> torch.Tensor:
    """Which rows (n,) of a gradient (n, ...) are finite."""
    return gradient.reshape(len(gradient), math.prod(gradient.shape[1:])).isfinite().all(1)


def _none(parameters: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Gradients of no rows."""
    return {name: p.new_zeros(0, *p.shape) for name, p in parameters.items()}


def _in_blocks(module: nn.Module, blocks: Mapping[str, float]) -> dict[str, list[nn.Parameter]]:
    """The trainable parameters of each block.

    Raises:
        OptionError: when a parameter is in no block, or a block has none.
    """
    found: dict[str, list[nn.Parameter]] = {block: [] for block in blocks}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            fitting = [block for block in blocks if name.startswith(block)]
            if not fitting:
                raise OptionError(
                    f"parameter {name!r} is in none of the blocks {list(blocks)}: give '' for the rest"
                )
            found[max(fitting, key=len)].append(parameter)
    for block, parameters in found.items():
        if not parameters:
            names = [name for name, p in module.named_parameters() if p.requires_grad]
            raise OptionError(f"no parameter is in block {block!r}: their names are {', '.join(names)}")
    return found


def _optimizer(
    parameters: list[nn.Parameter], noise: float, clip: float, plan: _Plan, generator: torch.Generator
) -> Any:
    """Opacus's, which clips, sums, adds noise, divides by the expected number of rows and lets Adam step."""
    return _opacus("opacus.optimizers").DPOptimizer(
        torch.optim.Adam(parameters, lr=plan.learning_rate),
        noise_multiplier=noise,
        max_grad_norm=clip,
        expected_batch_size=plan.batch_size,
        generator=generator,
    )


def _clean(module: nn.Module) -> None:
    """Without what Opacus hangs on parameters."""
    for parameter in module.parameters():
        for name in ("grad_sample", "summed_grad"):
            if hasattr(parameter, name):
                delattr(parameter, name)


# ------------------------------------------------------------------ checks


@dataclass(frozen=True)
class _Plan:
    """The options of `fit_private`, checked."""

    noises: dict[str, float]
    clips: dict[str, float]
    weights: torch.Tensor
    steps: int
    batch_size: int
    learning_rate: float
    rate: float
    delta: float
    accountant: str

    @property
    def noise(self) -> float:
        return joint_noise(list(self.noises.values()))


_DEFAULTS: dict[str, Any] = {
    name: value for name, value in (fit_private.__kwdefaults__ or {}).items() if name not in ("noise", "seed")
}


def _plan(
    task: Any,
    noise: Any,
    clip: Any,
    weights: Any,
    steps: Any,
    batch_size: Any,
    learning_rate: Any,
    delta: Any,
    accountant: Any,
    seed: Any,
) -> _Plan:
    if not isinstance(task, ModelProblem):
        raise ProblemError(
            f"task is {type(task).__name__}, expected a ModelProblem such as ImageTextProblem()"
        )
    n = len(task.train)
    _require(_is_count(steps), "steps", steps, "an integer of at least 1")
    most = f"an integer from 1 to the {n} training rows"
    _require(_is_count(batch_size) and batch_size <= n, "batch_size", batch_size, most)
    _require(
        _is_number(learning_rate) and learning_rate > 0, "learning_rate", learning_rate, "a number above zero"
    )
    delta = 1.0 / (10 * n) if delta is None else delta
    _require(_is_number(delta) and 0 < delta < 1, "delta", delta, "a number above 0 and below 1")
    _require(isinstance(seed, int) and seed >= 0, "seed", seed, "an integer >= 0")
    if accountant not in _ACCOUNTANTS:
        raise OptionError(unknown_name("accountant", str(accountant), _ACCOUNTANTS))
    W = given_weights(np.full(task.n_obj, 1.0 / task.n_obj) if weights is None else weights, task.n_obj)
    _require(len(W) == 1, "weights", weights, "one weight vector")
    noises = dict(noise) if isinstance(noise, Mapping) else {"": noise}
    clips = dict(clip) if isinstance(clip, Mapping) else dict.fromkeys(noises, clip)
    if clips.keys() != noises.keys():
        raise OptionError(f"clip has the blocks {list(clips)}, expected those of noise: {list(noises)}")
    for block, value in noises.items():
        _require(_is_number(value) and value >= 0, f"noise{_of(block)}", value, "a number >= 0")
    for block, value in clips.items():
        _require(_is_number(value) and value > 0, f"clip{_of(block)}", value, "a number above zero")
    _opacus("opacus.accountants")
    _in_blocks(task.module(task.sample(1, np.random.default_rng(0))[0]), noises)
    return _Plan(
        noises,
        clips,
        task.to_tensor(W[0]),
        steps,
        batch_size,
        learning_rate,
        batch_size / n,
        delta,
        accountant,
    )


def _require_levels(name: str, levels: Any, *, zero: bool) -> None:
    sound = isinstance(levels, Sequence) and len(levels) > 0
    for level in levels if sound else ():
        number = isinstance(level, (int, float)) and not isinstance(level, bool)
        sound = sound and number and (0 <= level < math.inf if zero else level > 0)
    _require(sound, name, levels, f"a list of numbers {'>= 0' if zero else 'above zero'}")


def _refuse_unknown(options: Mapping[str, Any]) -> None:
    for name in options:
        if name not in _DEFAULTS:
            raise TypeError(unknown_name("option", name, _DEFAULTS))


def _of(block: str) -> str:
    return f"[{block!r}]" if block else ""


def _require(holds: bool, name: str, value: object, accepted: str) -> None:
    if not holds:
        raise OptionError(f"{name}={value!r} is not accepted: give {accepted}")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _opacus(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise MissingExtraError("opacus", "privacy") from None
