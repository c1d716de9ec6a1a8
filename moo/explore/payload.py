"""What the page's script is handed: JSON, with arrays of numbers in base64."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from moo.explore.gather import Source
from moo.explore.points import Front, Points, SampleSet
from moo.plot.style import styles

_MOST_OF_FRONT = 2000  # points of a known front that are drawn
_SYMBOLS = {  # of plotly, by matplotlib's letter
    "o": "circle",
    "s": "square",
    "^": "triangle-up",
    "D": "diamond",
    "v": "triangle-down",
    "P": "cross",
    "X": "x",
    "*": "star",
}


def payload(source: Source, *, served: bool = False) -> dict[str, Any]:
    """Everything the page shows, in JSON's own types.

    Args:
        served: whether the page can be asked for again, with new cells.
    """
    places = {name: place for place, name in enumerate(source.optimizers)}
    look = styles(source.optimizers)
    return {
        "title": source.title,
        "status": source.status,
        "done": source.done,
        "cells": source.cells,
        "notes": source.notes,
        "served": served,
        "optimizers": [
            {"name": n, "set": said, "color": look[n].color, "symbol": _SYMBOLS[look[n].marker]}
            for n, said in source.optimizers.items()
        ],
        "problems": [_problem(front, places) for front in source.fronts],
    }


def embedded(content: Any) -> str:
    """JSON text that may stand in a script element: no text in it ends the element or begins a comment."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _problem(front: Front, places: Mapping[str, int]) -> dict[str, Any]:
    if len(front) == 0:
        return {"name": front.name, "n": 0}
    sets = [made for group in front.groups for made in group.samples.values()]
    seeds = np.concatenate([group.seeds for group in front.groups])
    known, seed_of = np.unique(seeds, return_inverse=True)
    low, high = front.scale
    return {
        "name": front.name,
        "title": front.statement.title,
        "n": len(front),
        "sign": list(map(float, front.statement.sign)),
        "ideal": low.tolist(),
        "nadir": high.tolist(),
        "columns": _columns(front),
        "optimizer": _numbers(np.repeat([places[g.optimizer] for g in front.groups], _sizes(front)), "<u2"),
        "seeds": [str(seed) for seed in known.tolist()],
        "seed": _numbers(seed_of, "<u2"),
        "row": _numbers(np.concatenate([group.rows for group in front.groups]), "<u4"),
        "known": _known(front),
        "samples": [_samples(made) for made in sets],
        "sampled": _sampled(front.groups),
        "notes": front.notes,
    }


def _sizes(front: Front) -> list[int]:
    return [len(group) for group in front.groups]


def _columns(front: Front) -> list[dict[str, Any]]:
    """Objectives, violation, weights, metrics and variables, each with a value a point."""
    stated, values = front.statement, front.values
    columns = [
        _column("objective", name, values[:, k], label=name if stated.sign[k] > 0 else f"{name} (max)")
        for k, name in enumerate(stated.names)
    ]
    columns.append(_column("violation", "CV", np.concatenate([group.CV for group in front.groups])))
    for kind in ("weights", "metrics", "variables"):
        named: list[Mapping[str, np.ndarray]] = [getattr(group, kind) for group in front.groups]
        for name in _names(named):
            columns.append(_column(kind.removesuffix("s"), name, _joined(name, named, _sizes(front))))
    return columns


def _names(of_groups: Iterable[Mapping[str, np.ndarray]]) -> list[str]:
    """The names of all groups, each once, in the order in which they come."""
    return list(dict.fromkeys(name for named in of_groups for name in named))


def _joined(name: str, of_groups: Sequence[Mapping[str, np.ndarray]], sizes: Sequence[int]) -> np.ndarray:
    """A value a point; NaN for points that have none of this name."""
    parts = [named.get(name, np.full(n, np.nan)) for named, n in zip(of_groups, sizes, strict=True)]
    return np.concatenate(parts)


def _column(kind: str, name: str, values: np.ndarray, *, label: str | None = None) -> dict[str, Any]:
    """Numbers; texts become places in the list of ``texts``."""
    described: dict[str, Any] = {"kind": kind, "name": name, "label": name if label is None else label}
    if values.dtype == object:
        texts, values = np.unique([str(value) for value in values], return_inverse=True)
        described["texts"] = texts.tolist()
    return described | {"values": _numbers(values, "<f8")}


def _numbers(values: np.ndarray, dtype: str) -> str:
    """Little-endian bytes in base64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype=dtype).tobytes()).decode("ascii")


def _known(front: Front) -> list[str]:
    """The known front with the user's signs, an array an objective; [] where it is not known."""
    if not front.statement.front:
        return []
    points = np.array(front.statement.front, dtype=float) * np.array(front.statement.sign)
    rows = np.unique(np.linspace(0, len(points) - 1, min(len(points), _MOST_OF_FRONT)).round().astype(int))
    return [_numbers(column, "<f8") for column in points[rows].T]


def _samples(made: SampleSet) -> dict[str, Any]:
    return {
        "title": made.title,
        "given": [[sample.text, sample.image] for sample in made.given],
        "made": [[sample.text, sample.image] for sample in made.made],
    }


def _sampled(groups: Iterable[Points]) -> dict[str, int]:
    """Place of a point -> which of the samples are its own."""
    found: dict[str, int] = {}
    before, count = 0, 0
    for group in groups:
        places = {int(row): before + i for i, row in enumerate(group.rows)}
        for row in group.samples:
            if row in places:
                found[str(places[row])] = count
            count += 1
        before += len(group)
    return found
