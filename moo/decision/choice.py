"""What a rule decided, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moo import html

_VARIABLES_SHOWN = 8


@dataclass(frozen=True)
class Choice:
    """One row of an answer, chosen by a rule.

    Attributes:
        rule: what chose it, as a part of a sentence: "knee by bend angle".
        row: its row in ``Result.F`` and ``Result.X`` (or in the array that was given).
        runner_up: the row that comes next by the same rule; None where there is no other.
        x: its decision variables by name; empty where an array was given.
        f: its objectives by name, with the user's sign.
        runner_up_f: those of the runner-up.
        why: one sentence with the numbers that decided.
    """

    rule: str
    row: int
    runner_up: int | None
    x: dict[str, Any]
    f: dict[str, float]
    runner_up_f: dict[str, float] | None
    why: str

    def __str__(self) -> str:
        lines = [f"{self.rule}: row {self.row}", f"  {listed(self.f)}"]
        if self.x:
            lines.append(f"  {self._variables()}")
        lines.append(f"  {self.why}")
        if self.runner_up is not None and self.runner_up_f is not None:
            lines.append(f"  runner-up: row {self.runner_up}, {listed(self.runner_up_f)}")
        return "\n".join(lines)

    def _variables(self) -> str:
        more = len(self.x) - _VARIABLES_SHOWN
        shown = listed(dict(list(self.x.items())[:_VARIABLES_SHOWN]))
        return f"{shown}, ... ({len(self.x)} in all)" if more > 0 else shown

    def _repr_html_(self) -> str:
        rows = [["chosen", self.row, *self.f.values()]]
        if self.runner_up is not None and self.runner_up_f is not None:
            rows.append(["runner-up", self.runner_up, *self.runner_up_f.values()])
        return html.note(html.paragraph(f"{self.rule}: {self.why}"), html.table(["", "row", *self.f], rows))


def listed(values: Mapping[str, Any]) -> str:
    """For example "cost = 3.25, error = 0.01"."""
    return ", ".join(f"{name} = {shown(value)}" for name, value in values.items())


def shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
