"""Pareto set learning: one network that maps every preference to its point of the front."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from moo.evaluation import Evaluator
from moo.optimizers.augmented_lagrangian import typical
from moo.optimizers.base import Optimizer, State, require, require_real
from moo.optimizers.descent import Box
from moo.optimizers.diagnostics import Diagnostics
from moo.optimizers.front_model import FrontModel, Network
from moo.optimizers.inner_descent import schedule
from moo.optimizers.row_functions import RowFunctions
from moo.optimizers.sampling import as_sampling
from moo.optimizers.scalarized import Scalarized
from moo.optimizers.scalarizing import ScalarizingState
from moo.scalarization import Normalization, Scalarization, scalarization_of
from moo.weights import weight_vectors

if TYPE_CHECKING:
    from moo.problem import Problem
    from moo.result import Result

_LEAST_SHARE = 2e-3  # of an objective in a preference that is trained on
_ANSWERS = 20  # how often in a run the answer is brought up to date
_FITTING_STEPS = 400  # of the network to the first points, which cost no evaluation
_MANY = 2000  # decision variables from which on the last layer is of low rank
_LOW_RANK = 16
_BETA1, _BETA2 = 0.9, 0.999


@dataclass
class ParetoSetLearningState(State):
    """``seed`` looks for scales and first points; ``network`` is trained from then on, ``first`` and
    ``second`` are Adam's moments of its parameters."""

    seed: ScalarizingState | None = None
    scales: Normalization | None = None
    box: Box | None = None
    network: Network | None = None
    first: list[torch.Tensor] = field(default_factory=list)
    second: list[torch.Tensor] = field(default_factory=list)
    steps: int = 0
    answers: int = 0
    g_scale: torch.Tensor | None = None
    h_scale: torch.Tensor | None = None
    observed: Diagnostics = field(default_factory=Diagnostics)

    def diagnostics(self) -> dict[str, np.ndarray]:
        return self.observed.arrays()

    def model(self) -> dict[str, np.ndarray]:
        return {} if self.network is None or self.box is None else self.network.arrays(self.box)


@dataclass(frozen=True)
class ParetoSetLearning(Optimizer[ParetoSetLearningState]):
    """Pareto set learning (Navon, Shamsian, Fetaya and Chechik 2021, "Learning the Pareto front with
    hypernetworks"; Lin, Yang, Zhang and Zhang 2022, "Pareto set learning for neural multi-objective
    combinatorial optimization"): a network x = net(preference) is trained by Adam to minimise a
    scalarization for preferences drawn anew at every step. `ParetoSetLearning.front_model` then gives x for
    any preference. Where a row is all the parameters of a model, the network is a hypernetwork.

    Scales and first points come from the individual minima, as in `Scalarized`; the network is fitted to
    those points first. Bounds hold by projection; constraints enter as a penalty that grows, so that
    answers near an active constraint may miss it a little, or keep off it.

    Args:
        n: preferences of the answer, evenly spread.
        scalarization: as `Scalarized`, one that is smooth or a maximum: no constraints of its own.
        batch: preferences a step.
        hidden: width of the two hidden layers.
        learning_rate: Adam's first step.
        sampling: the first candidates, as `Scalarized`.
    """

    n: int = 50
    scalarization: Any = "smooth-chebyshev"
    batch: int = 32
    hidden: int = 64
    learning_rate: float = 0.003
    sampling: Any = "random"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sampling", as_sampling(self.sampling))
        object.__setattr__(self, "scalarization", scalarization_of(self.scalarization))
        for name in ("n", "batch", "hidden"):
            value = getattr(self, name)
            require(isinstance(value, int) and value >= 1, name, value, "an integer >= 1")
        require(self.learning_rate > 0, "learning_rate", self.learning_rate, "a number above zero")
        terms = self._function.terms(torch.ones(1, 2), torch.ones(1, 2))
        accepted = "a scalarization without constraints of its own"
        require(not terms.constrained, "scalarization", type(self.scalarization).__name__, accepted)

    @staticmethod
    def front_model(result: Result) -> FrontModel:
        """The model of the whole front that a result holds: preferences (k, n_obj) to X (k, n_var)."""
        return FrontModel(result)

    @property
    def _function(self) -> Scalarization:
        function: Scalarization = self.scalarization
        return function

    @property
    def _kind(self) -> str:
        return self._function.follows[0]

    def _preferences(self, n_obj: int) -> np.ndarray:
        W = weight_vectors(max(self.n, n_obj), n_obj)
        return np.asarray((1.0 - _LEAST_SHARE * n_obj) * W + _LEAST_SHARE)

    def _seeding(self, n_obj: int) -> Scalarized:
        preferences: dict[str, Any] = {self._kind: self._preferences(n_obj)}
        return Scalarized(self._function, sampling=self.sampling, **preferences)

    def init(self, problem: Problem, rng: np.random.Generator) -> ParetoSetLearningState:
        require_real(problem, "ParetoSetLearning")
        seed = self._seeding(problem.n_obj).init(problem, rng)
        shown = "normalised weights" if self._kind == "weights" else self._kind
        return ParetoSetLearningState(rng, seed=seed, preference=shown)

    def step(self, evaluate: Evaluator, state: ParetoSetLearningState) -> ParetoSetLearningState:
        problem = evaluate.problem
        if state.network is None:
            return self._seed(evaluate, state)
        budget = evaluate.budget.cost
        n = len(self._preferences(problem.n_obj))
        price = n + self.batch * (1.0 + evaluate.budget.vjp_cost)
        left = np.inf if budget is None else budget - evaluate.cost
        last = left < price or evaluate.fraction >= 1.0 - 0.5 / _ANSWERS
        if last or evaluate.fraction >= state.answers / _ANSWERS:
            self._answer(evaluate, state)
            state.converged = last
        else:
            self._train(evaluate, state)
        return state

    def _seed(self, evaluate: Evaluator, state: ParetoSetLearningState) -> ParetoSetLearningState:
        """One step towards scales and first points; the last of them starts the network."""
        assert state.seed is not None
        problem = evaluate.problem
        state.seed = self._seeding(problem.n_obj).step(evaluate, state.seed)
        state.answer = state.seed.answer
        if not state.seed.begun:
            return state
        state.weights = state.seed.preferences
        assert state.seed.functions is not None
        scales, sample = state.seed.functions.normalization, state.seed.sample
        ideal, span = map(problem.to_tensor, (scales.ideal, scales.span))
        state.scales = replace(scales, ideal=ideal, span=span)
        state.g_scale, state.h_scale = (typical(problem.to_tensor(part)) for part in (sample.G, sample.H))
        assert state.answer is not None
        state.box = Box.of(problem)
        U = state.box.to_unit(problem.to_tensor(state.answer.X))
        rank = _LOW_RANK if problem.n_var > _MANY else None
        state.network = Network.start(problem.n_obj, U.mean(0), self.hidden, rank, state.rng)
        state.first = [torch.zeros_like(p) for p in state.network.parameters()]
        state.second = [torch.zeros_like(p) for p in state.network.parameters()]
        state.seed = None
        if not problem.stochastic:
            P = problem.to_tensor(state.weights)
            for _ in range(_FITTING_STEPS):
                network = state.network.trained()
                torch.autograd.backward((network.at(P) - U).square().mean())
                self._adam(state, network, 1.0)
            state.first = [torch.zeros_like(p) for p in state.first]
            state.second = [torch.zeros_like(p) for p in state.second]
            state.steps = 0
        return state

    def _train(self, evaluate: Evaluator, state: ParetoSetLearningState) -> None:
        """One step of Adam for a batch of preferences; rows that fail are left out."""
        assert state.network is not None
        assert state.box is not None
        problem, box = evaluate.problem, state.box
        drawn = state.rng.dirichlet(np.ones(problem.n_obj), self.batch)
        P = problem.to_tensor((1.0 - _LEAST_SHARE * problem.n_obj) * drawn + _LEAST_SHARE)
        network = state.network.trained()
        raw = network.at(P)
        U = raw.detach().clamp(box.lower, box.upper)
        loss = self._loss(state, P, evaluate.fraction)
        observing = state.observed.due(evaluate.fraction)
        points = evaluate(box.to_user(U), scalarize=loss, jacobian=observing)
        assert points.gradient is not None
        if observing and points.J is not None:
            state.observed.record(evaluate.cost, points.J, None)
        slope = points.gradient * box.width
        finite = slope.isfinite().all(1, keepdim=True)
        slope = torch.where(finite & ~box.blocked(raw.detach(), slope), slope, 0.0)
        slope = slope / slope.norm(dim=1, keepdim=True).clamp_min(1.0)
        torch.autograd.backward(raw, slope / len(slope))
        self._adam(state, network, schedule(evaluate.fraction))

    def _loss(self, state: ParetoSetLearningState, P: torch.Tensor, fraction: float) -> Any:
        """What a row with preference P (k, n_obj) minimises: the scalarization and the penalty."""
        assert state.scales is not None
        targets = self._function.targets(P, self._kind, None)
        functions = RowFunctions(self._function, state.scales, targets)
        rows = torch.arange(len(P), device=P.device)
        weight = 10.0 ** (1.0 + 3.0 * fraction)
        g_scale, h_scale = state.g_scale, state.h_scale
        assert g_scale is not None
        assert h_scale is not None

        def loss(F: torch.Tensor, G: torch.Tensor, H: torch.Tensor) -> torch.Tensor:
            missed = (G / g_scale).clamp_min(0.0).sum(1) + (H / h_scale).abs().sum(1)
            value: torch.Tensor = functions.terms(F, rows).value + weight * missed
            return value

        return loss

    def _adam(self, state: ParetoSetLearningState, network: Network, share: float) -> None:
        """Adam (Kingma and Ba 2015, algorithm 1) on the network's parameters."""
        assert state.network is not None
        state.steps += 1
        for i, (p, leaf) in enumerate(zip(state.network.parameters(), network.parameters(), strict=True)):
            g = torch.zeros_like(p) if leaf.grad is None else leaf.grad
            state.first[i] = _BETA1 * state.first[i] + (1 - _BETA1) * g
            state.second[i] = _BETA2 * state.second[i] + (1 - _BETA2) * g**2
            mean = state.first[i] / (1 - _BETA1**state.steps)
            spread = (state.second[i] / (1 - _BETA2**state.steps)).sqrt()
            p -= share * self.learning_rate * mean / (spread + 1e-8)

    def _answer(self, evaluate: Evaluator, state: ParetoSetLearningState) -> None:
        """Evaluate the network at the spread preferences; rows that fail or are infeasible where a feasible
        one is known keep the earlier point."""
        assert state.network is not None
        assert state.box is not None
        problem, box = evaluate.problem, state.box
        state.answers += 1
        preferences = self._preferences(problem.n_obj)
        U = state.network.at(problem.to_tensor(preferences)).clamp(box.lower, box.upper)
        points = evaluate(box.to_user(U))
        if state.answer is not None and len(state.answer) == len(points) and state.answers > 1:
            keep = (points.CV > 0) & (state.answer.CV <= 0)
            if bool(keep.any()):
                points = points.with_rows(problem.to_array(keep).astype(bool), state.answer.rows(keep))
        state.answer, state.weights = points.without_derivatives(), preferences
