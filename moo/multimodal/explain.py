"""What each modality contributes to a prediction: exact Shapley values over the modalities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from moo.errors import OptionError, ProblemError, unknown_name
from moo.multimodal.data import Samples
from moo.multimodal.problem import ModelProblem

if TYPE_CHECKING:
    import pandas as pd

MOST_PLAYERS = 12  # 2^12 passes through the model
_TARGETS = ("predicted", "label")
_VALUES = ("probability", "log probability")


def shapley_values(value: Callable[[np.ndarray], np.ndarray], m: int) -> np.ndarray:
    """The Shapley values (n, m) of n games of the same m players (Shapley 1953, eq. 12), by all 2^m
    coalitions: what a player adds, averaged over all orders in which players can come.

    Args:
        value: who is there (m,), bool -> what each game is then worth, (n,).
        m: players, 12 at the most.

    Raises:
        OptionError: for m out of its range.
    """
    if not 1 <= m <= MOST_PLAYERS:
        raise OptionError(
            f"m={m!r} is not accepted: give 1 to {MOST_PLAYERS} players, whose coalitions are 2^m"
        )
    coalitions = (np.arange(2**m)[:, None] >> np.arange(m)) & 1 == 1
    worth = np.array([value(there) for there in coalitions])  # (2^m, n)
    size = coalitions.sum(axis=1)
    shapley = np.zeros((worth.shape[1], m))
    for player in range(m):
        without = np.flatnonzero(~coalitions[:, player])
        share = np.array([1.0 / (m * comb(m - 1, s)) for s in size[without]])
        shapley[:, player] = share @ (worth[without + (1 << player)] - worth[without])
    return shapley


@dataclass(frozen=True)
class Contributions:
    """What `modality_contributions` found, for n samples.

    Attributes:
        modalities: names.
        values: (n, n_modalities); each row sums to ``full - nothing``.
        nothing, full: what the model gave the class (n,) without and with all that the sample has.
        classes: the class (n,) that is explained.
    """

    modalities: tuple[str, ...]
    values: np.ndarray
    nothing: np.ndarray
    full: np.ndarray
    classes: np.ndarray

    @property
    def summary(self) -> pd.DataFrame:
        """A row a modality: "mean" contribution, and its "share" of the sum of absolute ones."""
        import pandas as pd

        size = np.abs(self.values).mean(axis=0)
        share = size / size.sum() if size.sum() > 0 else np.full(len(size), np.nan)
        return pd.DataFrame({"mean": self.values.mean(axis=0), "share": share}, index=list(self.modalities))

    @property
    def by_class(self) -> pd.DataFrame:
        """The mean contribution of each modality (columns) to samples of each explained class (rows)."""
        import pandas as pd

        return pd.DataFrame(self.values, columns=list(self.modalities)).groupby(self.classes).mean()


def modality_contributions(
    task: ModelProblem,
    x: np.ndarray,
    samples: Samples | None = None,
    *,
    head: str = "fused",
    target: str = "predicted",
    value: str = "probability",
) -> Contributions:
    """How much each modality adds to what a model gives a class, sample by sample: exact Shapley values, the
    model being asked once for every subset of the modalities with the others absent (for modalities as
    players see Parcalabescu and Frank 2023, "MM-SHAP").

    Args:
        task: a classification task such as `ImageText()`, whose model can do without a modality.
        x: one model (n_var,).
        samples: what to explain; by default the test split.
        head: whose logits.
        target: the class that is explained: the "predicted" one or the "label".
        value: of the class: its "probability", whose contributions are within -1 and 1, or its "log
            probability", in nats.

    Raises:
        ProblemError: for a model that cannot do without a modality, or has no such head.
        OptionError: for unknown options, and more than 12 modalities.
    """
    for name, given, accepted in (("target", target, _TARGETS), ("value", value, _VALUES)):
        if given not in accepted:
            raise OptionError(unknown_name(name, str(given), accepted))
    rows = (task.heldout["test"] if samples is None else samples).to(task.device)
    model = task.module(x)
    if "present" not in task.inputs(rows):
        raise ProblemError(
            f"{type(model).__name__} cannot be asked without a modality: its forward has no present="
        )
    names = tuple(rows.modalities)
    logits = _logits(model, rows, head, dict(rows.present))
    chosen = rows.labels if target == "label" else logits.argmax(1)

    def worth(there: np.ndarray) -> np.ndarray:
        present = {n: rows.mask(n) & bool(is_there) for n, is_there in zip(names, there, strict=True)}
        log = _logits(model, rows, head, present).log_softmax(1).gather(1, chosen[:, None])[:, 0]
        return np.asarray((log if value == _VALUES[1] else log.exp()).double().cpu().numpy())

    values = shapley_values(worth, len(names))
    nothing, full = (worth(np.full(len(names), flag)) for flag in (False, True))
    return Contributions(names, values, nothing, full, chosen.cpu().numpy())


def _logits(model: nn.Module, rows: Samples, head: str, present: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        output = model(present=present, **rows.modalities)
    if not isinstance(output, dict) or head not in output:
        known = ", ".join(output) if isinstance(output, dict) else type(output).__name__
        raise ProblemError(f"the model has no head {head!r}: it gives {known}")
    logits: torch.Tensor = output[head]
    return logits
