"""A table for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moo import storage
from moo.study.summary import cost_unit

if TYPE_CHECKING:
    from moo.study import Study

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "-": "-{}",  # two would become a dash
    **{character: f"\\{character}" for character in "&%$#_{}"},
}
_EQUAL = r"$^{=}$"  # of what cannot be told from the best


def latex(study: Study, folder: Path) -> list[Path]:
    """``table.tex``: median hypervolumes with their quartiles, a row a problem, a column an optimizer; bold
    the best, marked what cannot be told from it. For ``\\usepackage{booktabs}``."""
    with storage.replacing(folder / "table.tex") as file:
        file.write(_table(study).encode())
    return [folder / "table.tex"]


def escaped(text: str) -> str:
    """Any text so that LaTeX prints it as it stands."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def _table(study: Study) -> str:
    rows = {(row["problem"], row["optimizer"]): row for row in study.table().to_dict("records")}
    columns = list(study.optimizers)
    body = [
        [escaped(problem), *(_cell(rows[problem, label]) for label in columns)] for problem in study.problems
    ]
    head = ["problem", *map(escaped, columns)]
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_caption(study)}}}",
        rf"\begin{{tabular}}{{l{'r' * len(columns)}}}",
        r"\toprule",
        _line(head),
        r"\midrule",
        *map(_line, body),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(row: dict[Any, Any]) -> str:
    if np.isnan(row["hypervolume"]):
        return "--"
    value = f"{row['hypervolume']:.4f}"
    value = rf"\textbf{{{value}}}" if row["verdict"] == "best" else value
    mark = _EQUAL if row["verdict"] == "not distinguishable" else ""
    quartiles = f"[{row['lower quartile']:.4f}, {row['upper quartile']:.4f}]"
    return rf"{value}{mark} {{\scriptsize {quartiles}}}"


def _caption(study: Study) -> str:
    cost = study.budget.cost
    budget = (
        f"{study.budget.seconds:g} seconds" if cost is None else f"{cost:,.10g} {cost_unit(study.budget)}"
    )
    return (
        f"Median hypervolume [quartiles] of {_runs(study)} of {escaped(budget)}, answers cut to {study.k} "
        f"points, in normalised space. Bold: the largest median of the problem; {_EQUAL}: not "
        "distinguishable from it (Mann--Whitney, Holm over all pairs and problems, 5\\,\\%)."
    )


def _runs(study: Study) -> str:
    """How many runs the medians are of."""
    counts = sorted({int(n) for n in study.table()["runs"] if n})
    if len(counts) > 1:
        return f"{counts[0]} to {counts[-1]} runs"
    return "one run" if counts == [1] else f"{counts[0]} runs"
