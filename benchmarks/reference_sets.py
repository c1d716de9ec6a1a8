"""Make the reference sets in moo/problems/reference_sets: fronts that have no closed form.

    python benchmarks/reference_sets.py [RE22 RE61 ...]

Each is what long runs of several optimizers and seeds found together, polished by small random steps from
its own points (the extremes most of all), less what is dominated, thinned to points that are spread
(`moo.indicators.subset`). RE36 is enumerated. It prints, for each problem, what was
reached: ideal and nadir, and for up to four objectives the hypervolume of the thinned set beside that of
3000 points. The index keeps a problem's version unless its file changed: then it is raised by one.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from hashlib import sha256
from itertools import product

import numpy as np

import moo
import moo.problems
from moo.indicators import hypervolume, nondominated, normalise, subset
from moo.problem import Problem
from moo.problems._reference import FOLDER, _Stored

SEEDS = (0, 1, 2)
POINTS = {2: 300, 3: 350, 4: 400, 6: 400, 9: 400}
BUDGET = {2: 200_000, 3: 100_000, 4: 40_000, 6: 20_000, 9: 12_000}
ROUNDS = {2: 80, 3: 60, 4: 40, 6: 10, 9: 10}
PARENTS = 1000
# The violation of RE33 has no bound: it grows as 1 / (R - r) towards a disc without a ring.
MOST = {"RE33": [np.inf, np.inf, 25.0]}


def runs(problem: Problem) -> list[moo.Result]:
    """NSGA-II and, from three objectives on, also NSGA-III, the optimizers that take every problem."""
    optimizers = [moo.NSGA2(pop_size=200)]
    if problem.n_obj > 2:
        optimizers.append(moo.NSGA3(pop_size=200))
    budget = BUDGET[problem.n_obj]
    return [moo.solve(problem, optimizer, budget=budget, seed=s) for optimizer in optimizers for s in SEEDS]


def found(problem: Problem) -> tuple[np.ndarray, np.ndarray, str]:
    """(X, F, how) of all non-dominated points found."""
    results = runs(problem)
    X = np.concatenate([result.archive_X for result in results])
    F = np.concatenate([result.archive_F for result in results])
    names = sorted({result.optimizer for result in results})
    how = f"{', '.join(names)}; seeds {list(SEEDS)}; {BUDGET[problem.n_obj]} evaluations each"
    X, F = polished(problem, *distinct(X, F))
    each = "" if reals(problem).all() else " and from each choice of the whole numbers"
    return X, F, f"{how}; {ROUNDS[problem.n_obj]} rounds of steps from what they found{each}"


def distinct(X: np.ndarray, F: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The non-dominated rows, one of those with the same objective vector."""
    F, rows = np.unique(F, axis=0, return_index=True)
    kept = nondominated(F)
    return X[rows][kept], F[kept]


def polished(problem: Problem, X: np.ndarray, F: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What steps from the points and the box's corners find; where variables are whole numbers or out of
    tables, also each of their choices on its own, which a step would have to leave and better at once."""
    rng = np.random.default_rng(0)
    corners = np.array(list(product(*zip(problem.xl, problem.xu, strict=True))))
    X, F = distinct(np.concatenate([X, corners]), np.concatenate([F, problem.compute(corners).F]))
    X, F = stepped(problem, X, F, ROUNDS[problem.n_obj], np.ones(problem.n_var), rng)
    real = reals(problem)
    if real.all():
        return X, F
    for choice in choices(problem, X[:, ~real]):
        begun = X[rng.integers(len(X), size=300)]
        begun[:, ~real] = choice
        better = stepped(problem, *distinct(begun, problem.compute(begun).F), 25, real, rng)
        X, F = distinct(np.concatenate([X, better[0]]), np.concatenate([F, better[1]]))
    return X, F


def reals(problem: Problem) -> np.ndarray:
    """Which columns of X are real numbers (n_var,)."""
    if problem.variables is None:
        return np.ones(problem.n_var, dtype=bool)
    return np.array([isinstance(variable, moo.Real) for variable in problem.variables.by_name.values()])


def choices(problem: Problem, seen: np.ndarray) -> np.ndarray:
    """The rows (k, columns) of whole numbers that were seen, and all that differ by one step in each."""
    rows = np.unique(seen, axis=0)
    near = [rows + np.array(step) for step in product((-1, 0, 1), repeat=seen.shape[1])]
    real = reals(problem)
    return np.unique(np.clip(np.concatenate(near), problem.xl[~real], problem.xu[~real]), axis=0)


def stepped(
    problem: Problem, X: np.ndarray, F: np.ndarray, rounds: int, free: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """What steps of all sizes find in so many rounds, some of the free columns at a time, in the box."""
    span = (problem.xu - problem.xl) * free
    for _ in range(rounds):
        best = np.tile(F.argmin(axis=0), 50)
        parents = X[np.concatenate([best, rng.integers(len(X), size=min(PARENTS, 5 * len(X)))])]
        size = 10 ** rng.uniform(-6, 0, (len(parents), 1)) * span
        moved = rng.random(parents.shape) < rng.uniform(0.2, 1.0, (len(parents), 1))
        steps = moved * size * rng.standard_normal(parents.shape)
        children = problem.repair(np.clip(parents + steps, problem.xl, problem.xu))
        X, F = distinct(np.concatenate([X, children]), np.concatenate([F, problem.compute(children).F]))
    return X, F


def gear_trains(problem: Problem) -> tuple[np.ndarray, np.ndarray, str]:
    """Every train of RE36, one gear of each pair the smaller one: which is which changes nothing."""
    teeth = np.arange(12.0, 61.0)
    pairs = np.array([(a, b) for a in teeth for b in teeth if a <= b])
    X = np.empty((0, 4))
    for driving in pairs:  # 1225 x 1225 at once is more than is needed
        block = np.column_stack([np.tile(driving, (len(pairs), 1)), pairs])
        X, _ = distinct(*_with_values(problem, np.concatenate([X, block])))
    X, F = distinct(*_with_values(problem, X))
    return X, F, "all trains enumerated"


def _with_values(problem: Problem, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return X, problem.compute(X).F


def spread(F: np.ndarray, k: int) -> np.ndarray:
    """Indices of k spread rows, the best and then the worst of each objective first."""
    rows = subset(F, min(k, len(F) - 1)).tolist()  # all of them would keep their order
    first = [*rows[: F.shape[1]], *F.argmax(axis=0).tolist()]
    return np.array(list(dict.fromkeys([*first, *rows, *range(len(F))]))[:k])


def store(name: str, X: np.ndarray, F: np.ndarray, how: str) -> str:
    """Write the file and its entry of the index; the SHA-256."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, X=X, F=F)
    content, file = buffer.getvalue(), f"{name}.npz"
    index_file = FOLDER / "index.json"
    index = json.loads(index_file.read_text()) if index_file.exists() else {}
    old, digest = index.get(name), sha256(content).hexdigest()
    changed = old is None or old["sha256"] != digest
    version = 1 if old is None else int(old["version"]) + changed
    index[name] = {"file": file, "version": str(version), "sha256": digest, "points": len(F), "made": how}
    (FOLDER / file).write_bytes(content)
    index_file.write_text(json.dumps(dict(sorted(index.items())), indent=2) + "\n")
    return digest


def frontless(cls: type[Problem]) -> Problem:
    """The problem as it is before its set is stored."""
    nothing = {"reference_set": None, "_stored": lambda _: None, "_calc_pareto_front": lambda *_: None}
    return type(cls.__name__, (cls,), nothing)()


def make(name: str) -> None:
    started = time.perf_counter()
    problem = frontless(moo.problems.all_classes()[name])
    X, F, how = gear_trains(problem) if name == "RE36" else found(problem)
    within = (F - MOST.get(name, np.inf) <= 0).all(axis=1)
    X, F = X[within], F[within]
    picked = spread(F, POINTS[problem.n_obj])
    digest = store(name, X[picked], F[picked], how)
    seconds = time.perf_counter() - started
    print(f"{name}: {len(picked)} of {len(F)} points, {seconds:.0f} s, sha256 {digest[:12]}")
    print(f"  ideal {np.array2string(F[picked].min(0), precision=6)}")
    print(f"  nadir {np.array2string(F[picked].max(0), precision=6)}")
    if problem.n_obj <= 4:
        print(f"  hypervolume {worth(F[picked], F):.4f}, of all {worth(F[subset(F, 3000)], F):.4f}")


def worth(F: np.ndarray, scale: np.ndarray) -> float:
    """Hypervolume to 1.1 in units of the range of ``scale``."""
    return hypervolume(normalise(F, scale.min(0), scale.max(0)), np.full(F.shape[1], 1.1))


def main() -> None:
    stored = [name for name, cls in moo.problems.all_classes().items() if issubclass(cls, _Stored)]
    parser = argparse.ArgumentParser(description="make the stored reference sets")
    parser.add_argument("problems", nargs="*", default=stored, metavar="PROBLEM")
    FOLDER.mkdir(exist_ok=True)
    for name in parser.parse_args().problems:
        make(name)


if __name__ == "__main__":
    main()
