"""Text files as jMetal and jMetalPy write and read them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from moo import storage
from moo.study.cells import slugs

if TYPE_CHECKING:
    from moo.study import Study


def jmetal(study: Study, folder: Path) -> list[Path]:
    """``<optimizer>/<problem>/FUN.<run>.tsv`` and ``VAR.<run>.tsv``, a line a point, values apart by a space,
    in as many digits as they have; every objective minimised. Runs are numbered in the order of their
    seeds. A front that was imported without variables has no VAR file."""
    problems, optimizers = slugs(study.problems), slugs(study.optimizers)
    written: list[Path] = []
    for (problem, optimizer, seed), result in study.results.items():
        place = folder / optimizers[optimizer] / problems[problem]
        place.mkdir(parents=True, exist_ok=True)
        for name, rows in (("FUN", result.F), ("VAR", result.X)):
            if np.isfinite(rows).all():
                file = place / f"{name}.{study.seeds.index(seed)}.tsv"
                _write(file, rows)
                written.append(file)
    return written


def _write(file: Path, rows: np.ndarray) -> None:
    text = "".join(" ".join(map(repr, row)) + "\n" for row in rows.tolist())
    with storage.replacing(file) as stream:
        stream.write(text.encode())
