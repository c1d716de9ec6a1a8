"""What ``moo train`` wrote: searches of models, one a method."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from moo.explore.points import Front, Points, SampleSet
from moo.explore.samples import by_row, in_folder
from moo.result import Statement

if TYPE_CHECKING:
    from moo.multimodal.search import WeightSearch

_BASELINE = "weighted-sum"  # the folder of the search whose models samples are made of
_NO_FIGURES = ("setting", "seed", "status")


def searches_in(folder: Path) -> dict[str, WeightSearch]:
    """Method -> its search, of the folders in a folder that hold one; the weighted sum first.

    Raises:
        StorageError: when one of them is torn.
    """
    files = sorted(folder.glob("*/search.json"), key=lambda f: (f.parent.name != _BASELINE, f.parent.name))
    if not files:
        return {}
    from moo.multimodal.search import WeightSearch

    return {file.parent.name: WeightSearch.load(file.parent) for file in files}


def trained(folder: Path, searches: dict[str, WeightSearch]) -> tuple[Front, list[str]]:
    """Every model of every search, by its training losses; the folder's samples belong to the models of the
    weighted sum. Also a sentence on what is not shown."""
    title = folder.resolve().name
    names = next(iter(searches.values())).names
    sets = in_folder(folder)
    groups = [
        _models(method, search, sets if method == _BASELINE else []) for method, search in searches.items()
    ]
    stated = Statement(title, names, [], [1.0] * len(names))
    left_out = sum(len(search.table) for search in searches.values()) - sum(map(len, groups))
    n_var = next(iter(searches.values())).X.shape[1]
    notes = [f"objectives are training losses; the {n_var:,} parameters of a model are in models.npz"]
    return Front(title, stated, groups, left_out), notes


def _models(method: str, search: WeightSearch, sets: list[SampleSet]) -> Points:
    table = search.table
    losses = [f"train {name}" for name in search.names]
    F = table[losses].to_numpy(dtype=float)
    rows = np.flatnonzero(np.isfinite(F).all(axis=1))
    weights = [f"w {name}" for name in search.names if f"w {name}" in table]
    figures = [name for name in table.columns if name not in (*_NO_FIGURES, *weights, *losses)]
    numbers = {name: table[name].to_numpy(dtype=float) for name in (*weights, *figures, *losses)}
    return Points(
        method,
        F[rows],
        np.zeros(len(rows)),
        table["seed"].to_numpy()[rows],
        rows,
        weights={name: numbers[name][rows] for name in weights},
        metrics={name: numbers[name][rows] for name in figures},
        samples=by_row(sets, numbers, _looked_at(search), search.by_metric),
    )


def _looked_at(search: WeightSearch) -> np.ndarray:
    """The models that samples were made of: the first seed's of the settings on the front."""
    table = search.table
    on_front = table["setting"].isin(search.front.index) & (table["seed"] == table["seed"].iloc[0])
    return np.flatnonzero(on_front.to_numpy())
