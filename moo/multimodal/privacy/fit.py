"""Training by DP-SGD, and a front of accuracy against epsilon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from moo.errors import OptionError, unknown_name
from moo.multimodal.privacy.account import noise_for, opacus_module, spent
from moo.multimodal.privacy.options import Plan, checked_plan, require_levels
from moo.multimodal.privacy.row_gradients import RowGradients, clean, in_blocks
from moo.multimodal.problem import ModelProblem
from moo.multimodal.search.checks import is_count, require

if TYPE_CHECKING:
    import pandas as pd


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
    plan = checked_plan(task, noise, clip, weights, steps, batch_size, learning_rate, delta, accountant, seed)
    start, draws = np.random.SeedSequence(seed).spawn(2)
    module = task.module(task.sample(1, np.random.default_rng(start))[0])
    generator = torch.Generator().manual_seed(int(draws.generate_state(1, np.uint64)[0] >> 1))
    optimizers = [
        _optimizer(parameters, plan.noises[name], plan.clips[name], plan, generator)
        for name, parameters in in_blocks(module, plan.noises).items()
    ]
    gradients = RowGradients(task, module, plan.weights)
    rows = opacus_module("opacus.utils.uniform_sampler").UniformWithReplacementSampler(
        num_samples=len(task.train), sample_rate=plan.rate, generator=generator, steps=steps
    )
    for index in rows:
        gradients.fill(task.train.take(np.array(index, dtype=np.int64)))
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    clean(module)
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
    require_levels(name, levels, zero=noises is not None)
    require(is_count(seeds), "seeds", seeds, "an integer of at least 1")
    plan = checked_plan(
        task, **{**_OPTIONS, **options, "noise": 1.0 if blocks is None else blocks, "seed": 0}
    )
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


def _optimizer(
    parameters: list[nn.Parameter], noise: float, clip: float, plan: Plan, generator: torch.Generator
) -> Any:
    """Opacus's, which clips, sums, adds noise, divides by the expected number of rows and lets Adam step."""
    return opacus_module("opacus.optimizers").DPOptimizer(
        torch.optim.Adam(parameters, lr=plan.learning_rate),
        noise_multiplier=noise,
        max_grad_norm=clip,
        expected_batch_size=plan.batch_size,
        generator=generator,
    )


_OPTIONS: dict[str, Any] = {
    name: value for name, value in (fit_private.__kwdefaults__ or {}).items() if name not in ("noise", "seed")
}


def _refuse_unknown(options: Mapping[str, Any]) -> None:
    for name in options:
        if name not in _OPTIONS:
            raise TypeError(unknown_name("option", name, _OPTIONS))
