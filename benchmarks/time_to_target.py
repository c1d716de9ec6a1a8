"""CPU time and F-equivalents until a front is there: gradients, genetic algorithms, and both.

    python benchmarks/time_to_target.py --seeds 5

The target is a share of the known front's hypervolume (reference point 1.1 times the front's range for
two objectives, `moo.indicators.reference_point` for more). "answer" is the first moment at which the
method's own answer, at most 100 points, has it; "all" the first at which everything evaluated so far has;
"best set" the first at which its own answer has 99 % of what the best set of 100 points has. Medians over
the seeds; "-" where half of the runs or more never had it within the budget. The clock runs while the
method and the problem do, not while hypervolumes are computed, and after one run to warm up. All
problems state their derivatives in closed form; with `--autograd` they leave them to torch. genoxide,
where installed, is a compiled NSGA-II that evaluates its own functions in Rust; it returns its last
population only, so it is run with more and more generations.
"""

from __future__ import annotations

import argparse
import time
from importlib.util import find_spec

import numpy as np
import torch
from peers import Case, run_genoxide

import moo
from moo import indicators
from moo.budget import Budget, BudgetExhausted
from moo.failures import OnError
from moo.loop import Run

PROBLEMS = {
    "ZDT1, n = 30": lambda: moo.problems.ZDT1(),
    "ZDT1, n = 300": lambda: moo.problems.ZDT1(300),
    "ZDT2, n = 30": lambda: moo.problems.ZDT2(),
    "ZDT2, n = 300": lambda: moo.problems.ZDT2(300),
    "VLMOP2, n = 10": lambda: moo.problems.FonsecaFleming(10),
    "DTLZ2, n = 12": lambda: moo.problems.DTLZ2(),
    "ZDT3, n = 30": lambda: moo.problems.ZDT3(),
    "ZDT4, n = 10": lambda: moo.problems.ZDT4(),
    "DTLZ3, n = 12": lambda: moo.problems.DTLZ3(),
    "BNH": lambda: moo.problems.BNH(),
    "OSY": lambda: moo.problems.OSY(),
    "TNK": lambda: moo.problems.TNK(),
}
METHODS = {
    "Scalarized": moo.Scalarized(n=100),
    "GradientDescent": moo.GradientDescent(n=100),
    "HypervolumeGradient": moo.HypervolumeGradient(n=100),
    "Hybrid": moo.Hybrid(),
    "NSGA2": moo.NSGA2(),
    "SMSEMOA": moo.SMSEMOA(),
}
COMPILED = {
    "ZDT1, n = 30": ("ZDT1", 30, 2),
    "ZDT1, n = 300": ("ZDT1", 300, 2),
    "ZDT4, n = 10": ("ZDT4", 10, 2),
    "DTLZ2, n = 12": ("DTLZ2", 12, 3),
}
TARGETS = (("answer", 0.99), ("best set", 0.99), ("all", 0.99), ("all", 0.999))
BEST_SETS = {  # hypervolume of the best 100 points, reference point 1.1 (VLMOP2: 1), by many long ascents
    "ZDT1": (1.1, 0.8721),
    "ZDT2": (1.1, 0.5389),
    "FonsecaFleming": (1.0, 0.3378),
    "DTLZ2": (1.1, 0.7576),
}
NEVER = (np.inf, np.inf)


class Front:
    """The known front of a problem, and how much of its hypervolume points have."""

    def __init__(self, problem: moo.Problem) -> None:
        front = problem.pareto_front(2000) if problem.n_obj == 2 else problem.pareto_front()
        self.low, self.high = front.min(axis=0), front.max(axis=0)
        self.ref = indicators.reference_point(problem.n_obj)
        self.volume = self.of(front)
        self.best_set = BEST_SETS.get(type(problem).__name__)

    def of(self, F: np.ndarray) -> float:
        return indicators.hypervolume(indicators.normalise(F, self.low, self.high), self.ref)

    def share(self, F: np.ndarray) -> float:
        return self.of(F) / self.volume if len(F) else 0.0

    def share_of_best_set(self, F: np.ndarray) -> float:
        """Of the hypervolume of the best 100 points, in objectives as they are."""
        if self.best_set is None or not len(F):
            return 0.0
        ref, volume = self.best_set
        return indicators.hypervolume(F, np.full(F.shape[1], ref)) / volume


def reached(problem: moo.Problem, front: Front, method: object, budget: float, seed: int) -> dict:
    """(seconds, F-equivalents) at which each target was reached."""
    began = time.process_time()
    run = Run.start(problem, method, Budget.of(budget), seed, OnError.of("skip"))
    clock, found, logged = time.process_time() - began, dict.fromkeys(TARGETS, NEVER), 0
    known = np.empty((0, problem.n_obj))
    over = False
    wanted = [target for target in TARGETS if target[0] != "best set" or front.best_set is not None]
    while not over and any(found[target] is NEVER for target in wanted):
        began = time.process_time()
        try:
            run.state = run.optimizer.step(run.evaluate, run.state)
            over = run.state.converged
        except BudgetExhausted:
            over = True
        clock += time.process_time() - began
        log = run.evaluate.log
        for F, CV in zip(log.F[logged:], log.CV[logged:], strict=True):
            known = np.concatenate([known, F[CV <= 0]])
        logged = len(log.F)
        known = known[indicators.nondominated(known)] if len(known) else known
        answer = own(problem, run)
        shares = {
            "all": front.share(known),
            "answer": front.share(answer),
            "best set": front.share_of_best_set(answer),
        }
        for kind, share in TARGETS:
            if found[kind, share] is NEVER and shares[kind] >= share:
                found[kind, share] = (clock, run.evaluate.cost)
    return found


def own(problem: moo.Problem, run: Run) -> np.ndarray:
    """Objectives of the method's own answer: feasible rows, at most 100."""
    answer = run.state.answer
    if answer is None:
        return np.empty((0, problem.n_obj))
    F, CV = problem.to_array(answer.F), problem.to_array(answer.CV)
    F = F[(CV <= 0) & np.isfinite(F).all(axis=1)]
    F = F[indicators.nondominated(F)] if len(F) else F
    return F[indicators.subset(F, 100)] if len(F) > 100 else F


def reached_compiled(name: str, front: Front, budget: float, seed: int) -> dict:
    """genoxide with 10, 15, 22, ... generations until its population has the target."""
    title, n_var, n_obj = COMPILED[name]
    generations = 10
    while generations * 100 <= budget:
        run = run_genoxide(Case("NSGA-II", title, n_var, n_obj, 100, generations))
        began = time.process_time()
        F = run(seed)
        seconds = time.process_time() - began
        if front.share(F) >= 0.99:
            return {("answer", 0.99): (seconds, 100.0 * generations)}
        generations = int(1.25 * generations) + 1
    return {}


def cell(outcomes: list[tuple[float, float]]) -> str:
    """Median milliseconds and F-equivalents."""
    seconds, cost = (float(np.median([outcome[i] for outcome in outcomes])) for i in (0, 1))
    return f"{1e3 * seconds:8.1f} ms {cost:8,.0f}" if np.isfinite(seconds) else f"{'-':>11} {'-':>8}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", type=float, default=60_000, help="F-equivalents a run")
    parser.add_argument("--only", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    parser.add_argument("--autograd", action="store_true", help="no derivatives in closed form")
    options = parser.parse_args()
    torch.set_num_threads(1)
    heads = [f"{kind} {share:.1%}" for kind, share in TARGETS]
    print(f"{'':42}" + "".join(f"{head:>22}" for head in heads))
    for name in options.problems:
        problem = PROBLEMS[name]()
        if options.autograd:
            problem.vjp = problem.constraint_jacobian = None
        front, rows = Front(problem), {}
        for method in options.only:
            moo.solve(problem, METHODS[method], budget=2000, seed=0)
            runs = [reached(problem, front, METHODS[method], options.budget, s) for s in range(options.seeds)]
            rows[method] = {target: [run[target] for run in runs] for target in TARGETS}
        if name in COMPILED and find_spec("genoxide"):
            runs = [reached_compiled(name, front, options.budget, s) for s in range(options.seeds)]
            rows["genoxide"] = {target: [run.get(target, NEVER) for run in runs] for target in TARGETS}
        for method, row in rows.items():
            print(f"{name:18}{method:24}" + "".join(f"{cell(row[t]):>22}" for t in TARGETS), flush=True)
        for target in TARGETS:
            print(f"  {target[0]} {target[1]:.1%}: " + winner({m: row[target] for m, row in rows.items()}))


def winner(outcomes: dict[str, list[tuple[float, float]]]) -> str:
    """Who was first by the clock, and who by F-equivalents."""
    medians = {m: np.median(np.array(o), axis=0) for m, o in outcomes.items()}
    first = [min(medians, key=lambda m, i=i: medians[m][i]) for i in (0, 1)]
    if not np.isfinite(medians[first[0]][0]):
        return "nobody"
    return f"{first[0]} by the clock, {first[1]} by F-equivalents"


if __name__ == "__main__":
    main()
