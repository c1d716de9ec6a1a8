"""A model's losses as a problem: a row of X is all parameters of one model."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import nn

from moo.arrays import Array
from moo.errors import ProblemError
from moo.multimodal.chunks import OfOne, Running, in_chunks, unflatten
from moo.multimodal.data import Samples
from moo.problem import Problem

Measure: TypeAlias = Callable[[Any, Samples], torch.Tensor]  # (what the model returns, the samples) -> ()

_LEAST_AT_ONCE = 4  # models a backward pass, one by one inside where they are large: a pass has its price


class ModelProblem(Problem):
    """min of several training losses of one model over all its parameters.

    A row of X holds the trainable parameters of one model, flattened in the order of
    ``named_parameters()``; K rows are K models, run together (`moo.multimodal.stacked`). So weighted sums and
    gradient descent train K models at once, and a genetic algorithm breeds them. Held-out losses and
    all metrics are reported for every row of a result; no optimizer sees them.

    Args:
        model: a function that builds the model (called once an initialisation), or an `nn.Module` all
            of whose layers have ``reset_parameters()``. It is called with one keyword argument a
            modality, and with ``present=`` (`Samples.present`) if its forward has that parameter, and
            returns anything. Parameters with ``requires_grad=False`` stay as they are.
        losses: the objectives: name -> ``loss(output, samples)``, a tensor ().
        train: the samples the losses are minimised on.
        heldout: further samples to report on, by name: ``{"test": samples}``.
        metrics: what else to report, in the form of the losses, for example accuracies.
        batch_size: optimizers see the losses on so many training samples, drawn anew without repetition
            by the run's generator and shared by all rows of a call; None for all training samples.
        bound: every parameter is within [-bound, bound], which genetic algorithms need; None for no
            bounds.
        device: where models are run; data is moved there.
        title: what tables and figures call the problem.

    Raises:
        ProblemError: without losses; for a batch size or bound out of its range; for a model without
            trainable parameters, or with batch normalisation or dropout, which keep statistics or draw
            numbers of their own.
    """

    def __init__(
        self,
        model: Callable[[], nn.Module] | nn.Module,
        losses: Mapping[str, Measure],
        *,
        train: Samples,
        heldout: Mapping[str, Samples] | None = None,
        metrics: Mapping[str, Measure] | None = None,
        batch_size: int | None = None,
        bound: float | None = 3.0,
        device: str = "cpu",
        title: str | None = None,
    ) -> None:
        _check(losses, metrics or {}, len(train), batch_size, bound)
        self._model = model
        template = copy.deepcopy(model) if isinstance(model, nn.Module) else self._built()
        self._template = template.to(device=device, dtype=torch.float32)
        self._shapes = {name: p.shape for name, p in template.named_parameters() if p.requires_grad}
        _check_model(template, self._shapes, resettable=isinstance(model, nn.Module))
        self._sizes = [math.prod(shape) for shape in self._shapes.values()]
        self.losses, self.metrics = dict(losses), dict(metrics or {})
        self.train = train.to(device)
        self.heldout = {name: samples.to(device) for name, samples in (heldout or {}).items()}
        self.batch_size = batch_size
        super().__init__(
            n_var=sum(self._sizes),
            xl=None if bound is None else -bound,
            xu=bound,
            names=list(losses),
            vectorized=True,
            device=device,
            dtype="float32",
            title=title,
        )
        self.stochastic = batch_size is not None

    def objectives(self, x: Array, rng: np.random.Generator | None = None) -> torch.Tensor:
        """The losses (n, n_obj) of the rows of x (n, n_var): on one minibatch drawn from rng, or on all
        training samples without rng or batch size."""
        return self._measure(x, self.losses, self.train if rng is None else self.minibatch(rng))

    def minibatch(self, rng: np.random.Generator) -> Samples:
        """Training samples as an optimizer sees them in one step: ``batch_size`` of them, or all."""
        if self.batch_size is None:
            return self.train
        return self.train.take(rng.choice(len(self.train), self.batch_size, replace=False))

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n initialisations (n, n_var) as the model's layers make them, clipped to the box. They follow
        from rng alone; torch's global generator is left as it was."""
        rows = np.empty((n, self.n_var))
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(rng.integers(2**62)))
            for row in rows:
                row[:] = self._flat(self._initialised())
        return np.clip(rows, self.xl, self.xu)

    def report(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Losses and metrics of each row of X (n, n_var) on all training samples and on all held-out
        ones, each (n,), by names like "train image loss" and "test text accuracy"."""
        self._check_shape(X)
        figures = {**self.losses, **self.metrics}
        reported = {}
        with torch.no_grad():
            for part, samples in {"train": self.train, **self.heldout}.items():
                values = self.to_array(self._measure(self.to_tensor(X), figures, samples))
                reported.update({f"{part} {name}": values[:, i] for i, name in enumerate(figures)})
        return reported

    def module(self, x: Array) -> nn.Module:
        """A plain `nn.Module` of its own with the parameters of one row x (n_var,).

        Raises:
            ProblemError: for x of another shape.
        """
        if x.ndim != 1:
            raise ProblemError(f"x has shape {tuple(x.shape)}, expected one row: ({self.n_var},)")
        self._check_shape(x[None])
        module = copy.deepcopy(self._template)
        values = unflatten(self.to_tensor(x), self._shapes)
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                if name in values:
                    parameter.copy_(values[name])
        return module

    def inputs(self, samples: Samples) -> dict[str, Any]:
        """The keyword arguments that the model is called with for these samples."""
        present = {"present": samples.present} if self._takes_present else {}
        return {**samples.modalities, **present}

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Which columns of X hold each trainable parameter, by its name."""
        ends = np.cumsum(self._sizes).tolist()
        return {
            name: slice(end - size, end)
            for name, size, end in zip(self._shapes, self._sizes, ends, strict=True)
        }

    def columns(self, prefix: str) -> np.ndarray:
        """Which columns of X (k,) hold the parameters whose names begin with ``prefix``, for example
        "encoders.image.".

        Raises:
            ProblemError: when no trainable parameter's name does.
        """
        found = [where for name, where in self.slices.items() if name.startswith(prefix)]
        if not found:
            first = next(iter(self._shapes))
            raise ProblemError(
                f"no trainable parameter's name begins with {prefix!r}: the first is {first!r}"
            )
        return np.concatenate([np.arange(where.start, where.stop) for where in found])

    def _measure(self, X: torch.Tensor, figures: Mapping[str, Measure], samples: Samples) -> torch.Tensor:
        """Figures (n, len(figures)) of the models in the rows of X (n, n_var), as many rows at once as
        the cache likes."""
        running = self._running(figures, samples)
        return in_chunks(self._of_one(figures, samples), running, self._shapes, X)

    def _of_one(self, figures: Mapping[str, Measure], samples: Samples) -> OfOne:
        """The figures (len(figures),) of one model, as a function of its parameters."""
        inputs = self.inputs(samples)

        def of_one(parameters: dict[str, torch.Tensor]) -> torch.Tensor:
            output = self.call(self._template, parameters, inputs)
            return torch.stack([_number(name, f(output, samples)) for name, f in figures.items()])

        return of_one

    def _running(self, figures: Mapping[str, Measure], samples: Samples) -> Running:
        """How models are measured on so many samples."""
        key = (tuple(figures), len(samples))
        if key not in self._found:
            own = {name: p.detach() for name, p in self._template.named_parameters() if name in self._shapes}
            given = (*samples.modalities.values(), samples.labels)
            self._found[key] = Running.tried(self._of_one(figures, samples), own, given)
        return self._found[key]

    def rows_at_once(self, n: int) -> int:
        batch = self.batch_size
        drawn = self.train if batch is None else self.train.take(np.arange(batch))  # as many as are drawn
        return max(self._running(self.losses, drawn).at_once(n), _LEAST_AT_ONCE)

    @cached_property
    def _takes_present(self) -> bool:
        """Whether the model asks which rows have which modality."""
        return "present" in inspect.signature(self._template.forward).parameters

    def call(
        self, module: nn.Module, parameters: Mapping[str, torch.Tensor], inputs: Mapping[str, Any]
    ) -> Any:
        """What a module like the model returns with these parameters, by name, in place of its own."""
        placed = {place: parameters[name] for name in parameters for place in self._places[name]}
        return torch.func.functional_call(module, placed, (), dict(inputs), tie_weights=False)

    @cached_property
    def _places(self) -> dict[str, list[str]]:
        """Where each parameter is: a tied one is in several places, and a module with several names is one
        place. (Left to tie by itself, `torch.func.functional_call` counts the names of such a module and does
        not put its own parameters back.)"""
        names = {id(parameter): name for name, parameter in self._template.named_parameters()}
        places: dict[str, list[str]] = {}
        for prefix, module in self._template.named_modules():
            for name, parameter in module.named_parameters(prefix, recurse=False, remove_duplicate=False):
                places.setdefault(names[id(parameter)], []).append(name)
        return places

    @cached_property
    def _found(self) -> dict[tuple[tuple[str, ...], int], Running]:
        """How models are run, by the figures and the number of samples that were asked for."""
        return {}

    def _flat(self, module: nn.Module) -> np.ndarray:
        parameters = dict(module.named_parameters())
        values = [parameters[name].detach().reshape(-1).cpu() for name in self._shapes]
        return np.asarray(torch.cat(values).numpy(), dtype=np.float64)

    def _initialised(self) -> nn.Module:
        if not isinstance(self._model, nn.Module):
            return self._built()
        module = copy.deepcopy(self._model)
        for layer in module.modules():
            if callable(reset := getattr(layer, "reset_parameters", None)):
                reset()
        return module

    def _built(self) -> nn.Module:
        if not callable(self._model):
            raise ProblemError(
                f"model={self._model!r} is not accepted: give a module, or a function making one"
            )
        built = self._model()
        if not isinstance(built, nn.Module):
            raise ProblemError(f"model() returned {type(built).__name__}, expected a torch.nn.Module")
        return built


def _number(name: str, value: Any) -> torch.Tensor:
    if not isinstance(value, torch.Tensor) or value.ndim != 0:
        got = f"shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
        raise ProblemError(f"{name!r} returned {got}, expected one number a model: a tensor of shape ()")
    return value


def _check(
    losses: Mapping[str, Measure],
    metrics: Mapping[str, Measure],
    n_train: int,
    batch_size: int | None,
    bound: float | None,
) -> None:
    if not isinstance(losses, Mapping) or not losses:
        raise ProblemError(f'losses={losses!r} is not accepted: give at least one, {{"loss": function}}')
    for name, function in [*losses.items(), *metrics.items()]:
        if not callable(function):
            raise ProblemError(f"{name!r} is {function!r}, expected a function of (output, samples)")
    if both := losses.keys() & metrics.keys():
        raise ProblemError(f"{min(both)!r} names a loss and a metric: expected different names")
    if batch_size is not None and not (_is_size(batch_size) and batch_size <= n_train):
        raise ProblemError(
            f"batch_size={batch_size!r} is not accepted: give an integer from 1 to the {n_train} training "
            "samples, or None for all of them"
        )
    if bound is not None and not 0.0 < bound < math.inf:
        raise ProblemError(f"bound={bound!r} is not accepted: give a number above zero, or None")


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _check_model(model: nn.Module, shapes: Mapping[str, torch.Size], *, resettable: bool) -> None:
    if not shapes:
        raise ProblemError(
            f"{type(model).__name__} has no trainable parameters, so there is nothing to optimise"
        )
    for name, layer in model.named_modules():
        what = f"layer {name or type(model).__name__!r} ({type(layer).__name__})"
        if getattr(layer, "track_running_stats", False):
            raise ProblemError(f"{what} keeps running statistics: use LayerNorm or GroupNorm")
        if isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0:
            raise ProblemError(f"{what} draws random numbers: remove it, or set p=0")
        owns = any(p.requires_grad for p in layer.parameters(recurse=False))
        if resettable and owns and not hasattr(layer, "reset_parameters"):
            raise ProblemError(
                f"{what} has parameters but no reset_parameters(): give a function that builds the model"
            )
