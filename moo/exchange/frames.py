"""Tables: CSV, Parquet, JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from moo import storage
from moo.errors import MissingExtraError

if TYPE_CHECKING:
    import pandas as pd

    from moo.study import Study


def csv(study: Study, folder: Path) -> list[Path]:
    """``points.csv``: every point of every answer, objectives in their own sense, and variables; and the
    tables of the study."""
    written = []
    for name, table in _tables(study).items():
        with storage.replacing(folder / f"{name}.csv") as file:
            file.write(table.to_csv(index=False).encode())
        written.append(folder / f"{name}.csv")
    return written


def parquet(study: Study, folder: Path) -> list[Path]:
    """The same as `csv`, with the types of the columns.

    Raises:
        MissingExtraError: without pyarrow.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet") from None
    written = []
    for name, table in _tables(study).items():
        with storage.replacing(folder / f"{name}.parquet") as file:
            table.to_parquet(file, engine="pyarrow", index=False)
        written.append(folder / f"{name}.parquet")
    return written


def json(study: Study, folder: Path) -> list[Path]:
    """``study.json``: what was compared, and the tables as lists of rows; null where there is no number."""
    content = {
        "problems": {name: asdict(stated) for name, stated in study.problems.items()},
        "optimizers": study.optimizers,
        "seeds": study.seeds,
        "budget": asdict(study.budget),
        "k": study.k,
        "status": study.status,
        "provenance": study.provenance,
        "command": study.command,
        "summary": study.sentences(),
        **{name: table.to_dict("records") for name, table in _tables(study).items()},
    }
    storage.write_json(folder / "study.json", storage.plain(content))
    return [folder / "study.json"]


def _tables(study: Study) -> dict[str, pd.DataFrame]:
    found = {
        "points": study.to_pandas(variables=True),
        "table": study.table(),
        "runs": study.runs(),
        "pairs": study.pairs(),
        "ert": study.ert(),
        "metrics": study.metrics_table(),
    }
    return {name: table for name, table in found.items() if len(table)}
