"""Where a study comes from, and how to make it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moo import html
from moo.html import paragraph
from moo.study.report.page import Section

if TYPE_CHECKING:
    from moo.study.study import Study


def origin(study: Study) -> Section:
    """Command, optimizers with all their parameters, versions, machine, times."""
    body = _command(study) + _optimizers(study) + _machine(study)
    return Section("origin", "Where this comes from", body)


def _command(study: Study) -> str:
    if study.command is not None:
        return paragraph("This command made it, and makes it again:") + _code(study.command)
    call = (
        f"moo.compare(\n    problems,  # {', '.join(study.problems)}\n"
        f"    optimizers,  # as below\n    {_budget(study)},\n    seeds={study.seeds},\n    k={study.k},\n)"
    )
    return paragraph("It was made from Python; this call, with the same problems, makes it again:") + _code(
        call
    )


def _budget(study: Study) -> str:
    limit = study.budget
    plain = limit.seconds is None and limit.vjp_cost == 2.0 and limit.cost is not None
    return f"budget={limit.cost:.10g}" if plain else f"budget=moo.{limit!r}"


def _code(text: str) -> str:
    return f"<pre><code>{html.escape(text)}</code></pre>"


def _optimizers(study: Study) -> str:
    caption = "Optimizers with all their parameters"
    table = html.table(["label", "optimizer"], list(study.optimizers.items()), caption=caption, heads=1)
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{caption}">{table}</div>'


def _machine(study: Study) -> str:
    made = study.provenance
    rows: list[list[Any]] = [
        ["status", study.status],
        ["started (UTC)", study.started],
        ["ended (UTC)", study.ended or "not yet"],
        ["moo", f"{made.get('moo', '?')}, revision {made.get('revision') or 'unknown'}"],
        ["python", made.get("python", "?")],
        *([name, version or "not installed"] for name, version in made.get("packages", {}).items()),
        ["platform", made.get("platform", "?")],
        ["CPU cores", made.get("cpus", "?")],
        ["torch threads", _threads(study)],
        ["peak memory of a run", _memory(study)],
        *([f"digest of {name}", digest] for name, digest in study.digests.items()),
    ]
    caption = "Versions, machine, time"
    table = html.table(["", "value"], [[name, str(value)] for name, value in rows], caption=caption, heads=1)
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{caption}">{table}</div>'


def _threads(study: Study) -> str:
    """Of the runs, which know it better than the process that sent them out."""
    seen = {str(result.provenance.get("torch_threads")) for result in study.results.values()} - {"None"}
    return ", ".join(sorted(seen)) or "torch was not loaded"


def _memory(study: Study) -> str:
    seen = [result.provenance.get("peak_memory_mb") for result in study.results.values()]
    known = [value for value in seen if value is not None]
    return f"{max(known):,.0f} MB" if known else "not measured"
