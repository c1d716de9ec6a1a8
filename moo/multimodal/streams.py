"""Training on batches as they come: one step each, none of them kept, every step timed."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from moo.aggregation import Aggregator, Context
from moo.errors import OptionError, ProblemError, StorageError
from moo.multimodal.data import Samples
from moo.multimodal.problem import ModelProblem
from moo.multimodal.saving import read_tensors, safetensors, write_tensors
from moo.training.backward import backward
from moo.weights import given_weights

_MEMORY = 0.98  # of the running losses: they look back some 50 batches
_BIN = math.log(1.01)  # latencies are counted in bins of one per cent
_MOST_REASONS = 50  # that are told apart, so that odd batches do not fill the memory
_BROKEN = (
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
)  # what odd data makes torch raise


@dataclass
class Latencies:
    """How long steps took, in bounded memory: counts in bins one per cent wide, and the exact maximum."""

    bins: Counter[int] = field(default_factory=Counter)
    max: float = 0.0

    def add(self, seconds: float) -> None:
        self.bins[math.ceil(math.log(max(seconds, 1e-9)) / _BIN)] += 1
        self.max = max(self.max, seconds)

    def quantile(self, share: float) -> float:
        """Seconds within which that share of the steps was done, at most one per cent too many; NaN
        before the first step."""
        wanted, passed = share * self.bins.total(), 0
        for bin_ in sorted(self.bins):
            passed += self.bins[bin_]
            if passed >= wanted:
                return min(math.exp(bin_ * _BIN), self.max)
        return math.nan

    @property
    def p50(self) -> float:
        return self.quantile(0.5)

    @property
    def p99(self) -> float:
        return self.quantile(0.99)


@dataclass
class StreamFit:
    """What `fit_stream` returns.

    Attributes:
        module: the trained module.
        n_batches: batches taken from the stream, those of earlier sittings included.
        n_steps: of them, those that the module was trained on.
        skipped: how many batches were passed over, by the reason.
        losses: running mean of each loss, over some 50 steps.
        latencies: from a batch's arrival to the end of its step, in seconds; waiting for it not included.
    """

    module: nn.Module
    n_batches: int = 0
    n_steps: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    losses: dict[str, float] = field(default_factory=dict)
    latencies: Latencies = field(default_factory=Latencies)

    def skip(self, reason: str) -> None:
        """Count one batch passed over."""
        full = len(self.skipped) >= _MOST_REASONS and reason not in self.skipped
        self.skipped["other reasons" if full else reason] += 1

    def noted(self, losses: Mapping[str, float], seconds: float) -> None:
        """Count one step more, with its losses and how long it took."""
        self.n_steps += 1
        share = max(1.0 - _MEMORY, 1.0 / self.n_steps)
        for name, value in losses.items():
            before = self.losses.get(name, value)
            self.losses[name] = before + share * (value - before)
        self.latencies.add(seconds)


def fit_stream(
    task: ModelProblem,
    batches: Iterable[Samples],
    *,
    weights: Any = None,
    aggregator: Aggregator | None = None,
    learning_rate: float = 1e-3,
    steps: int | None = None,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 200,
    resume: bool = False,
) -> StreamFit:
    """Train one model of a task on a stream of batches, with one Adam step (Kingma and Ba 2015) a batch.

    No batch is kept, so that memory does not grow with the stream. A batch that cannot be used (empty, NaN
    or inf in it, another modality, shape or dtype than the task's, labels or losses that fail) leaves the
    model as it was; it is counted under its reason, and the next one is taken.

    Args:
        task: whose model, losses and form of samples are used; its training samples are not.
        batches: samples of the task's modalities, in any number a batch. It is read once, in order.
        weights: the losses' weights (n_obj,), for one backward pass of their weighted sum.
        aggregator: or an object of `moo.aggregation`, as in `moo.backward`. Neither is equal weights.
        learning_rate: of Adam.
        steps: stop after so many batches were trained on in this call; None reads to the end.
        seed: of the initialisation, and of aggregators that draw.
        checkpoint: a file (safetensors) for all that is needed to go on: written every
            ``checkpoint_every`` batches and at the end, also when the stream raises.
        resume: go on from ``checkpoint``, from the beginning where there is no such file. ``batches``
            then begins with the first one that was not taken yet: number ``n_batches``.

    Raises:
        OptionError: for an option out of its range, or weights and an aggregator together.
        ProblemError: when the stream has no batch, or none that can be used; for a checkpoint of another
            model.
        StorageError: for a checkpoint that cannot be read or written.
        MissingExtraError: for checkpoints without safetensors.
    """
    _check(learning_rate, steps, checkpoint, checkpoint_every, resume, seed)
    if not isinstance(batches, Iterable):
        raise ProblemError(f"batches={batches!r} is not accepted: give an iterable of moo.multimodal.Samples")
    learner = _Learner.new(task, _weights(task, weights, aggregator), aggregator, learning_rate, seed)
    if resume and checkpoint is not None and Path(checkpoint).exists():
        learner.restore(checkpoint)
    fit, already = learner.fit, learner.fit.n_steps
    try:
        for batch in _while_wanted(batches, fit, already, steps):
            learner.take(batch)
            if checkpoint is not None and fit.n_batches % checkpoint_every == 0:
                learner.save(checkpoint)
    finally:
        if checkpoint is not None and fit.n_batches:
            learner.save(checkpoint)
    if not fit.n_batches:
        raise ProblemError("the stream ended before its first batch: give batches of moo.multimodal.Samples")
    if not fit.n_steps:
        reasons = "; ".join(f"{count} x {reason}" for reason, count in fit.skipped.items())
        raise ProblemError(f"none of the {fit.n_batches} batches could be used: {reasons}")
    return fit


def _while_wanted(
    batches: Iterable[Samples], fit: StreamFit, already: int, steps: int | None
) -> Iterable[Samples]:
    """The batches, until so many were trained on; one more is not asked for, since that may wait."""
    stream = iter(batches)
    while steps is None or fit.n_steps - already < steps:
        try:
            batch = next(stream)
        except StopIteration:
            return
        yield batch


class _Unusable(Exception):  # noqa: N818 - a signal within this file
    """Why a batch is skipped."""


@dataclass
class _Learner:
    """One model, its optimizer and what is known so far."""

    task: ModelProblem
    fit: StreamFit
    optimizer: torch.optim.Adam
    weights: torch.Tensor
    aggregator: Aggregator | None
    context: Context

    @classmethod
    def new(
        cls, task: ModelProblem, weights: np.ndarray, aggregator: Aggregator | None, rate: float, seed: int
    ) -> _Learner:
        start, draws = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
        module = task.module(task.sample(1, start)[0])
        trained = [p for p in module.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(trained, lr=rate)
        return cls(
            task, StreamFit(module), optimizer, task.to_tensor(weights), aggregator, Context(rng=draws)
        )

    def take(self, batch: Samples) -> None:
        """Train on it, or note why not."""
        began = time.perf_counter()
        self.fit.n_batches += 1
        try:
            _require_usable(batch, self.task.train)
            losses = self._step(batch.to(self.task.device))
        except _Unusable as reason:
            self.fit.skip(str(reason))
        else:
            self.fit.noted(losses, time.perf_counter() - began)

    def _step(self, batch: Samples) -> dict[str, float]:
        self.optimizer.zero_grad()
        try:
            output = self.fit.module(**self.task.inputs(batch))
            losses = [function(output, batch) for function in self.task.losses.values()]
            values = [float(loss.detach()) for loss in losses]
        except _BROKEN as error:
            raise _Unusable(f"the losses raised {type(error).__name__}") from error
        if not all(math.isfinite(value) for value in values):
            raise _Unusable("a loss is not finite")
        self._backward(losses)
        gradients = [
            p.grad.sum()
            for group in self.optimizer.param_groups
            for p in group["params"]
            if p.grad is not None
        ]
        if not torch.stack(gradients).isfinite().all():
            raise _Unusable("a gradient is not finite")
        self.optimizer.step()
        return dict(zip(self.task.losses, values, strict=True))

    def _backward(self, losses: list[torch.Tensor]) -> None:
        if self.aggregator is None:
            torch.autograd.backward([(torch.stack(losses) * self.weights).sum()])
            return
        memory = dict(self.context.memory)
        try:
            backward(losses, self.aggregator, context=self.context)
        except ProblemError as error:
            self.context.memory = memory
            raise _Unusable(str(error)) from error

    def save(self, file: str | Path) -> None:
        tensors = {f"module.{n}": t for n, t in self.fit.module.state_dict().items()}
        for index, kept in self.optimizer.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": value for name, value in kept.items()}
        tensors |= {f"memory.{name}": value for name, value in self.context.memory.items()}
        write_tensors(tensors, file, {"progress": self._progress()})

    def _progress(self) -> dict[str, Any]:
        fit = self.fit
        return {
            "n_batches": fit.n_batches,
            "n_steps": fit.n_steps,
            "skipped": fit.skipped,
            "losses": fit.losses,
            "latencies": [list(pair) for pair in fit.latencies.bins.items()],
            "latest": fit.latencies.max,
            "rng": self.context.rng.bit_generator.state,
        }

    def restore(self, file: str | Path) -> None:
        tensors, notes = read_tensors(file)
        parts: dict[str, dict[str, torch.Tensor]] = {"module": {}, "adam": {}, "memory": {}}
        try:
            for name, tensor in tensors.items():
                part, _, rest = name.partition(".")
                parts[part][rest] = tensor
            progress = notes["progress"]
            self.fit.module.load_state_dict(parts["module"])
        except (KeyError, RuntimeError):
            raise ProblemError(
                f"{file} is no checkpoint of this task's {type(self.fit.module).__name__}: resume with the "
                "task that it was written for, or leave out resume="
            ) from None
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in parts["adam"].items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = tensor
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        self.context.memory = {name: t.to(self.task.device) for name, t in parts["memory"].items()}
        self.context.rng.bit_generator.state = progress["rng"]
        self._restore_figures(progress)

    def _restore_figures(self, progress: dict[str, Any]) -> None:
        fit = self.fit
        fit.n_batches, fit.n_steps = progress["n_batches"], progress["n_steps"]
        fit.skipped, fit.losses = Counter(progress["skipped"]), progress["losses"]
        fit.latencies = Latencies(Counter(dict(progress["latencies"])), progress["latest"])


def _require_usable(batch: object, like: Samples) -> None:
    """
    Raises:
        _Unusable: when the model could not be trained on it.
    """
    if not isinstance(batch, Samples):
        raise _Unusable(f"the batch is {type(batch).__name__}, expected moo.multimodal.Samples")
    if not len(batch):
        raise _Unusable("the batch is empty")
    _require_alike("modality", batch.modalities, like.modalities)
    _require_alike("target", batch.targets, like.targets)
    for name, values in batch.modalities.items():
        if not values.isfinite().all():
            raise _Unusable(f"{name!r} is not finite")


def _require_alike(
    kind: str, given: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]
) -> None:
    for name in [*expected, *given]:
        if name not in given:
            raise _Unusable(f"the {kind} {name!r} is missing")
        if name not in expected:
            raise _Unusable(f"the {kind} {name!r} is unknown")
    for name, values in given.items():
        mine, theirs = ((tuple(v.shape[1:]), v.dtype) for v in (expected[name], values))
        if mine != theirs:
            raise _Unusable(f"a row of {name!r} is {theirs[0]} {theirs[1]}, expected {mine[0]} {mine[1]}")


def _weights(task: ModelProblem, weights: Any, aggregator: Aggregator | None) -> np.ndarray:
    """The weights (n_obj,), equal ones where none were given."""
    if aggregator is not None and not isinstance(aggregator, Aggregator):
        raise OptionError(
            f"aggregator={aggregator!r} is not accepted: give an object of moo.aggregation, such as MGDA()"
        )
    if weights is None:
        return np.full(task.n_obj, 1.0 / task.n_obj)
    if aggregator is not None:
        raise OptionError("weights= and aggregator= were both given: give one of them")
    W = given_weights(weights, task.n_obj)
    if len(W) != 1:
        raise OptionError(f"{len(W)} weight vectors were given: a stream trains one model, give one vector")
    return np.asarray(W[0])


def _check(
    learning_rate: object,
    steps: object,
    checkpoint: str | Path | None,
    checkpoint_every: object,
    resume: bool,
    seed: object,
) -> None:
    if not isinstance(learning_rate, (int, float)) or not 0.0 < learning_rate < math.inf:
        raise OptionError(f"learning_rate={learning_rate!r} is not accepted: give a number above zero")
    for name, value in (("steps", steps), ("checkpoint_every", checkpoint_every)):
        if value is not None and (not isinstance(value, int) or value < 1):
            raise OptionError(f"{name}={value!r} is not accepted: give an integer of at least 1")
    if not isinstance(seed, int) or seed < 0:
        raise OptionError(f"seed={seed!r} is not accepted: give an integer >= 0")
    if resume and checkpoint is None:
        raise OptionError("resume= needs checkpoint=, the file to go on from")
    if checkpoint is not None:  # now, rather than when there is something to lose
        safetensors()
        if not Path(checkpoint).parent.is_dir():
            raise StorageError(f"{checkpoint} cannot be written: its folder does not exist")
