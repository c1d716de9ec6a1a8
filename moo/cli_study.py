"""What ``moo compare`` and ``moo bench`` write and print of a study."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from moo.study import Study


def write_study(study: Study, out: Path) -> None:
    """Its description, tables and figures; the cells are there."""
    study.save_description(out)
    study.save_tables(out)
    study.save_figures(out)


def study_text(study: Study, out: str | None) -> str:
    return f"{study}\n\nwritten to {out}" if out else str(study)


def study_json(study: Study, out: str | None) -> dict[str, Any]:
    tables = {"table": study.table(), "runs": study.runs(), "metrics": study.metrics_table()}
    return {"status": study.status, "summary": study.sentences(), "out": out} | {
        name: records(table) for name, table in tables.items()
    }


def records(table: pd.DataFrame) -> Any:
    return [dict(row) for row in table.to_dict("records")]


def dumped(content: Any) -> str:
    """As JSON text."""
    from moo import storage

    return json.dumps(storage.plain(content), indent=1, allow_nan=False)
