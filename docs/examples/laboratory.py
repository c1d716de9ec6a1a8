"""Ask and tell: somebody else evaluates, here a reactor played by a function.

The run is kept in a folder. Start the script again and it goes on where it was; it asks for one batch a
session, as a laboratory would run one a day.

    python docs/examples/laboratory.py --out runs/reactor
"""

from __future__ import annotations

import argparse

import numpy as np

import moo

problem = moo.Problem(
    n_obj=2,
    xl=[20.0, 1.0],
    xu=[80.0, 5.0],
    names=["yield", "waste"],
    var_names=["temperature", "hours"],
    directions=["max", "min"],
    backend="numpy",
    title="reactor",
)


def measure(X: np.ndarray) -> np.ndarray:
    """Yield in percent and waste in grams (n, 2) of the settings X (n, 2)."""
    heat, hours = (X[:, 0] - 20.0) / 60.0, X[:, 1]
    produced = 90.0 * (1.0 - np.exp(-hours * (0.2 + heat)))
    return np.column_stack([produced, 2.0 + 8.0 * heat**2 * hours])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="runs/reactor")
    parser.add_argument("--sessions", type=int, default=1, help="batches to measure now")
    args = parser.parse_args()
    with moo.AskTell(problem, moo.NSGA2(pop_size=12), budget=120, out=args.out, resume=True) as loop:
        for _ in range(args.sessions):
            if loop.done:
                break
            X = loop.ask()
            loop.tell(X, measure(X))
        print(loop.result())
        print("the run has ended" if loop.done else f"{len(loop.ask())} settings wait to be measured")


if __name__ == "__main__":
    main()
