"""Tables of a report, and how figures are written in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from moo import html
from moo.html import Strong, Written

VERDICTS = {"best": "\N{BLACK STAR} best", "not distinguishable": "\N{ALMOST EQUAL TO} not distinguishable"}
_NONE = "\N{EN DASH}"
_DIGITS = {
    "hypervolume": ".4f",
    "p (Holm)": ".2g",
    "igd+": ".4f",
    "epsilon": ".4f",
    "r2": ".4f",
    "points": ".0f",
    "feasible": ".0%",
}
_COLUMNS = [
    *("problem", "optimizer", "runs", "failed", "hypervolume", "quartiles", "verdict"),
    *("p (Holm)", "A12 of the best", "igd+", "epsilon", "r2", "points", "feasible"),
]
_USUAL = {"failed": 0, "feasible": 1}  # a column of nothing else is left out
_HEADINGS = {"igd+": "IGD+", "r2": "R2"}


def scrolling(table: str, label: str) -> str:
    """A table that scrolls by itself where the screen is narrow."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{html.escape(label)}">{table}</div>'


def figure(value: float, digits: str) -> Written:
    """A number in a given format; a dash for NaN."""
    return Written(_NONE if np.isnan(value) else format(value, digits))


def short_table(table: pd.DataFrame, caption: str, *, without: Sequence[str] = ()) -> str:
    """The columns of `Study.table` that say how well each optimizer did, but for those not wanted and
    those that say nothing here."""
    columns = [c for c in _COLUMNS if c not in without and not _says_nothing(table, c)]
    rows = [[_cell(row, column) for column in columns] for _, row in table.iterrows()]
    heads = 1 + columns.index("optimizer")
    return html.table([_HEADINGS.get(c, c) for c in columns], rows, caption=caption, heads=heads)


def _says_nothing(table: pd.DataFrame, column: str) -> bool:
    if column == "A12 of the best":
        return bool(table[column].isna().all())
    return column in _USUAL and bool((table[column].dropna() == _USUAL[column]).all())


def _cell(row: pd.Series[Any], column: str) -> Any:
    if column == "quartiles":
        return _interval(row["lower quartile"], row["upper quartile"], ".4f")
    if column == "A12 of the best":
        return effect(row[column], row["A12 lower"], row["A12 upper"])
    if column == "verdict":
        return verdict(row["verdict"])
    return figure(row[column], _DIGITS[column]) if column in _DIGITS else row[column]


def effect(value: float, low: float, high: float) -> Written:
    """For example "0.83 [0.71, 0.92]"; a dash for NaN."""
    return Written(_NONE if np.isnan(value) else f"{value:.2f} [{low:.2f}, {high:.2f}]")


def verdict(word: str) -> str:
    """With a sign, so that the best is seen at once."""
    shown = VERDICTS.get(word, word)
    return Strong(shown) if word == "best" else shown


def _interval(low: float, high: float, digits: str) -> Written:
    return Written(_NONE if np.isnan(low) else f"{low:{digits}} to {high:{digits}}")
