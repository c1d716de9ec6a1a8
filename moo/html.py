"""What notebooks show of a problem and a result, and the pieces of HTML that reports share.

Every text is escaped here; nothing needs a script.
"""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from moo.constraints import stated_constraints
from moo.indicators import subset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from moo.problem import Problem
    from moo.result import Result

_MOST_BYTES = 55_000  # of a figure in a notebook, which keeps one in every cell that shows a result
_DPI = (110, 90, 72, 55)
_LONG = 50  # characters; a cell of more may be broken into lines
_COLORS = 64  # of a figure: enough for lines, markers and their smooth edges, at a third of the bytes
_ROWS_SHOWN = 6
_VARIABLES_SHOWN = 4
_BOUNDS_SHOWN = 12
_DRAWN = {1: 200, 2: 500, 3: 300}  # points of an answer in a small figure, by the number of objectives
_LINES = 40  # of more than three objectives
# Colours are the notebook's own, so that dark themes stay readable; figures bring their white paper.
_NOTE_STYLE = """
.moo-note table { border-collapse: collapse; margin: .3em 0 }
.moo-note caption { text-align: left; padding: .2em 0; caption-side: top; color: inherit; font-weight: 600 }
.moo-note th, .moo-note td { padding: .15em .7em .15em 0; text-align: left; background: none;
  border-bottom: 1px solid rgba(128, 128, 128, .35); vertical-align: top }
.moo-note td.number, .moo-note th.number { text-align: right; font-variant-numeric: tabular-nums }
.moo-note td, .moo-note th { white-space: nowrap }
.moo-note td.long { white-space: normal }
.moo-note img { background: #fff; border-radius: 4px; width: 32em; max-width: 100% }
.moo-note img.wide { width: 64em }
.moo-note p { margin: .3em 0; max-width: 60em }
"""


class Written(str):
    """A number that is written out already."""

    __slots__ = ()


class Strong(str):
    """A text that stands out."""

    __slots__ = ()


def escape(text: object) -> str:
    """The text with &, <, > and both quotes as entities."""
    return html.escape(str(text), quote=True)


def number(value: float, digits: str = ".4g") -> str:
    """A number for people; "-" for NaN. Whole numbers are written out, with commas."""
    if isinstance(value, bool):
        return str(value)
    if math.isnan(value):
        return "\N{EN DASH}"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return format(value, digits)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, caption: str = "", heads: int = 0) -> str:
    """A table with a heading a column; numbers stand to the right, everything else to the left.

    Args:
        columns: headings.
        rows: cells: numbers, `Written` numbers, or anything that has a text.
        caption: what the table is of.
        heads: so many cells at the left of each row are its headings.
    """
    body = [list(row) for row in rows]
    numeric = [bool(body) and all(_is_number(row[k]) for row in body) for k in range(len(columns))]
    head = "".join(
        f'<th scope="col"{_class(right)}>{escape(name)}</th>'
        for name, right in zip(columns, numeric, strict=True)
    )
    lines = "\n".join(f"<tr>{_cells(row, numeric, heads)}</tr>" for row in body)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody></table>"


def _cells(row: Sequence[Any], numeric: Sequence[bool], heads: int) -> str:
    tags = ['th scope="row"'] * heads + ["td"] * (len(row) - heads)
    return "".join(
        f"<{tag}{_class(right, value)}>{_text(value, right)}</{tag[:2]}>"
        for tag, value, right in zip(tags, row, numeric, strict=True)
    )


def _text(value: Any, right: bool) -> str:
    if right and not isinstance(value, Written):
        return number(value)
    return f"<strong>{escape(value)}</strong>" if isinstance(value, Strong) else escape(value)


def _class(right: bool, value: Any = "") -> str:
    if right:
        return ' class="number"'
    return ' class="long"' if len(str(value)) > _LONG else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, Written) or (hasattr(value, "__float__") and not isinstance(value, (str, bool)))


def paragraph(text: object) -> str:
    return f"<p>{escape(text)}</p>"


def bullets(items: Iterable[object]) -> str:
    """A list; "" without items."""
    lines = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul>{lines}</ul>" if lines else ""


def png(figure: Figure, dpi: float) -> bytes:
    """The figure as a PNG file of few colours, with no record of when it was made."""
    from PIL import Image  # matplotlib needs it too

    drawn, file = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi, facecolor="white")
    with Image.open(drawn) as picture:
        picture.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def image(content: bytes, alt: str, *, wide: bool = False) -> str:
    """An inline PNG; ``wide`` for a figure of two columns."""
    data = base64.b64encode(content).decode("ascii")
    size = ' class="wide"' if wide else ""
    return f'<img{size} alt="{escape(alt)}" src="data:image/png;base64,{data}">'


def small_image(figure: Figure, alt: str, *, wide: bool = False) -> str:
    """An inline PNG of less than 60 kB, at the best resolution that allows; "" where none does."""
    for dpi in _DPI:
        content = png(figure, dpi)
        if len(content) * 4 / 3 < _MOST_BYTES:
            return image(content, alt, wide=wide)
    return ""


def note(*parts: str) -> str:
    """What a notebook shows: the parts, one below the other, in the notebook's own colours."""
    return f'<div class="moo-note"><style>{_NOTE_STYLE}</style>\n' + "\n".join(filter(None, parts)) + "</div>"


# ---------------------------------------------------------------------- a problem


def problem_html(problem: Problem) -> str:
    """Objectives with their directions, variables with their bounds, constraints, and the backend."""
    directions = ["max" if sign < 0 else "min" for sign in problem.sign]
    objectives = table(["objective", "direction"], zip(problem.names, directions, strict=True))
    constraints = [[c.name, c.kind, c.tolerance] for c in stated_constraints(problem)]
    return note(
        f"<p><b>{escape(problem.title)}</b>: {escape(_sizes(problem))}</p>",
        objectives,
        _variables(problem),
        table(["constraint", "satisfied where", "tolerance"], constraints) if constraints else "",
    )


def _sizes(problem: Problem) -> str:
    """For example "2 objectives, 30 variables, no constraints; torch backend, float64 on cpu"."""
    n_constr = problem.n_ieq_constr + problem.n_eq_constr
    counts = [(problem.n_obj, "objective"), (problem.n_var, "variable"), (n_constr, "constraint")]
    said = ", ".join(f"{n or 'no'} {name}{'' if n == 1 else 's'}" for n, name in counts)
    kind = problem.backend.kind
    return f"{said}; {kind} backend" + (f", {problem.dtype} on {problem.device}" if kind == "torch" else "")


def _variables(problem: Problem) -> str:
    """A row a variable; one sentence where many have the same bounds."""
    if problem.variables is not None:
        described = {name: dict(entry) for name, entry in problem.variables.described().items()}
        rows = [[name, entry.pop("kind"), _options(entry)] for name, entry in described.items()]
        return _cut_table(["variable", "kind", "values"], rows)
    rows = [
        [n, _bound(a), _bound(b)] for n, a, b in zip(problem.var_names, problem.xl, problem.xu, strict=True)
    ]
    if len(rows) > _VARIABLES_SHOWN and len({(low, high) for _, low, high in rows}) == 1:
        return paragraph(
            f"{rows[0][0]} \N{HORIZONTAL ELLIPSIS} {rows[-1][0]}: each from {rows[0][1]} to {rows[0][2]}"
        )
    return _cut_table(["variable", "lower bound", "upper bound"], rows)


def _options(entry: dict[str, Any]) -> str:
    if {"low", "high"} <= set(entry):
        return f"{entry['low']:g} to {entry['high']:g}"
    return ", ".join(
        str(option) for value in entry.values() for option in np.atleast_1d(np.array(value, dtype=object))
    )


def _bound(value: float) -> str:
    return f"{value:g}" if math.isfinite(value) else "unbounded"


def _cut_table(columns: Sequence[str], rows: list[list[Any]]) -> str:
    more = len(rows) - _BOUNDS_SHOWN
    return table(columns, rows[:_BOUNDS_SHOWN]) + (paragraph(f"and {more} more") if more > 0 else "")


# ---------------------------------------------------------------------- a result


def result_html(result: Result) -> str:
    """What ``print(result)`` says, a few rows spread over the front, and a small figure of it."""
    first, *lines = str(result).splitlines()
    return note(
        f"<p><b>{escape(first)}</b></p>",
        *(paragraph(line.strip()) for line in lines),
        _rows(result),
        _front(result),
    )


def _rows(result: Result) -> str:
    finite = np.flatnonzero(np.isfinite(result.F).all(axis=1))
    if len(result.F) < 2 or len(finite) == 0:
        return ""
    rows = finite[subset(result.F[finite], _ROWS_SHOWN)]
    rows = rows[np.lexsort(result.F[rows].T[::-1])]
    variables = [list(result.candidate(row).items())[:_VARIABLES_SHOWN] for row in rows.tolist()]
    columns = ["row", *result.problem.names, *(name for name, _ in variables[0])]
    body = [
        [row, *result.values[row], *(v for _, v in x)]
        for row, x in zip(rows.tolist(), variables, strict=True)
    ]
    return table(columns, body, caption=f"{len(rows)} of {len(result.F)} points")


def _front(result: Result) -> str:
    """A small figure; of a large answer some points spread over it."""
    finite = np.flatnonzero(np.isfinite(result.F).all(axis=1))
    if len(finite) == 0:
        return ""
    rows = finite[subset(result.F[finite], _DRAWN.get(result.F.shape[1], _LINES))]
    figure = replace(result, F=result.F[rows], CV=result.CV[rows]).plot().get_figure(root=True)
    alt = f"The answer in objective space: {', '.join(result.problem.names)}"
    return "" if figure is None else small_image(figure, alt)
