"""Epsilon-constraint handling: a violation that is forgiven at first, and less and less so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from moo.evaluation import Evaluation

_FORGIVEN = 0.2  # share of the first sample whose violation is forgiven at the start
_ENDS_AT = 0.8  # share of the budget after which nothing is
_POWER = 5.0


def first_level(first: Evaluation) -> float:
    """The violation below which a fifth of the first sample lies (Takahama and Sakai 2006, equation 9)."""
    finite = first.CV[np.isfinite(first.CV)]
    return float(np.quantile(finite, _FORGIVEN)) if len(finite) else 0.0


def level_at(first: float, spent: float) -> float:
    """The level when a share ``spent`` of the budget is spent: first (1 - t / T)^5 (equation 10)."""
    return float(first * max(0.0, 1.0 - spent / _ENDS_AT) ** _POWER)


def relaxed(rows: Evaluation, level: float) -> Evaluation:
    """The rows with violations up to the level forgiven."""
    return replace(rows, CV=np.maximum(rows.CV - level, 0.0)) if level > 0.0 else rows
