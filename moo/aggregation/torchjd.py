"""Any aggregator of the package torchjd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from moo.aggregation.base import Aggregator, Context
from moo.errors import MissingExtraError, OptionError


@dataclass(frozen=True)
class TorchJD(Aggregator):
    """Any aggregator of the package torchjd, which takes one Jacobian at a time: a loop over the rows.

    Its random numbers are drawn from context.rng, not from torch's. One that keeps a state keeps one for
    all rows. A row on which it raises gets NaN; when it raises on all of them, so does this.
    Properties and flaws are those of the aggregator given.

    Args:
        aggregator: an instance of torchjd.aggregation.Aggregator; its Mean where none is given.

    Raises:
        MissingExtraError: when torchjd is not installed.
        OptionError: when ``aggregator`` is not one of its aggregators.
    """

    aggregator: Any = None

    def __post_init__(self) -> None:
        try:
            from torchjd import aggregation
        except ImportError:
            raise MissingExtraError("torchjd", "torchjd") from None
        if self.aggregator is None:
            object.__setattr__(self, "aggregator", aggregation.Mean())
        if not isinstance(self.aggregator, aggregation.Aggregator):
            raise OptionError(
                f"aggregator={self.aggregator!r} is not accepted: give an instance of an aggregator of "
                "torchjd.aggregation"
            )

    def aggregate(self, J: torch.Tensor, context: Context) -> torch.Tensor:
        rows = torch.nonzero(J.isfinite().all(2).all(1))[:, 0]
        direction = torch.full_like(J[:, 0], torch.nan)
        failures = []
        with torch.random.fork_rng(devices=[]):
            for row in rows.tolist():
                torch.manual_seed(int(context.rng.integers(2**63)))
                try:
                    direction[row] = self.aggregator(J[row])
                except (ArithmeticError, RuntimeError, ValueError) as failure:
                    failures.append(failure)
        if failures and len(failures) == len(rows):
            raise failures[0]
        return direction
