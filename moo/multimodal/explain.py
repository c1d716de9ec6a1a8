"""What each modality contributes to a prediction: exact Shapley values over the modalities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from moo.errors import OptionError, ProblemError, unknown_name
from moo.multimodal.data import Samples
from moo.multimodal.problem import ModelProblem

if TYPE_CHECKING:
    import pandas as pd

MOST_PLAYERS = 12  # 2^12 passes through the model
_TARGETS = ("predicted", "label")
_VALUES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "probability": lambda logits: logits.softmax(1),
    "log probability": lambda logits: logits.log_softmax(1),
    "logit": lambda logits: logits,
}
_ABSENT = ("present", "mean", "zeros")


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
    absent: str | None = None,
) -> Contributions:
    """How much each modality adds to what a model gives a class, sample by sample: exact Shapley values, the
    model being asked once for every subset of the modalities with the others absent (for modalities as
    players see Parcalabescu and Frank 2023, "MM-SHAP").

    Args:
        task: a classification task such as `ImageText()`.
        x: one model (n_var,).
        samples: what to explain; by default the test split.
        head: whose logits, where the model gives several.
        target: the class that is explained: the "predicted" one or the "label".
        value: of the class: its "probability", whose contributions are within -1 and 1, its "log
            probability", in nats, or its "logit".
        absent: what a model is shown instead of an absent modality: nothing, being told by "present"; its
            "mean" over the training samples; or "zeros". By default "present", and "mean" for a model whose
            forward has no ``present=``. By "present" the head of one modality alone owes nothing to any, for
            it does not ask who is there.

    Raises:
        ProblemError: for a model that has no such head, or whose forward has no ``present=`` if that is asked
            for; for samples that lack a modality of the task's altogether, or are none.
        OptionError: for unknown options, and more than 12 modalities.
    """
    if not isinstance(task, ModelProblem):
        raise ProblemError(f"task is {type(task).__name__}, expected a ModelProblem such as ImageText()")
    for name, given, accepted in (("target", target, _TARGETS), ("value", value, tuple(_VALUES))):
        if given not in accepted:
            raise OptionError(unknown_name(name, str(given), accepted))
    rows, names = _rows(task, samples), tuple(task.train.modalities)
    fill = _fill(task, rows, absent)
    model = task.module(np.asarray(x, dtype=float))

    def logits(there: np.ndarray) -> torch.Tensor:
        with torch.no_grad():
            output = model(**task.inputs(_with_only(rows, dict(zip(names, there, strict=True)), fill)))
        return _head(output, head, len(rows))

    everyone = np.full(len(names), True)
    chosen = _classes(logits(everyone), rows.labels, target)

    def worth(there: np.ndarray) -> np.ndarray:
        of_classes = _VALUES[value](logits(there))
        return np.asarray(of_classes.gather(1, chosen[:, None])[:, 0].double().cpu().numpy())

    values = shapley_values(worth, len(names))
    return Contributions(names, values, worth(~everyone), worth(everyone), chosen.cpu().numpy())


def _rows(task: ModelProblem, samples: Samples | None) -> Samples:
    if samples is None and "test" not in task.heldout:
        raise ProblemError(f"{task.title} has no held-out samples 'test': give samples=")
    rows = (task.heldout["test"] if samples is None else samples).to(task.device)
    if rows.modalities.keys() != task.train.modalities.keys():
        raise ProblemError(
            f"the samples have modalities {', '.join(rows.modalities)}; expected those of {task.title}: "
            f"{', '.join(task.train.modalities)}"
        )
    if not len(rows):
        raise ProblemError("the samples are none: give at least one to explain")
    return rows


def _fill(task: ModelProblem, rows: Samples, absent: str | None) -> dict[str, torch.Tensor] | None:
    """What stands for each absent modality, (1, ...); None where the model is told by ``present=``."""
    told = "present" in task.inputs(rows)
    how = ("present" if told else "mean") if absent is None else absent
    if how not in _ABSENT:
        raise OptionError(unknown_name("absent", str(absent), _ABSENT))
    if how == "present" and not told:
        raise ProblemError(
            f"{task.title}'s model cannot be told what is absent: its forward has no present=; "
            "give absent='mean' or absent='zeros'"
        )
    if how == "present":
        return None
    given = task.train.modalities
    if how == "zeros":
        return {name: torch.zeros_like(tensor[:1]) for name, tensor in given.items()}
    return {name: _mean(name, tensor[task.train.mask(name)]) for name, tensor in given.items()}


def _mean(name: str, tensor: torch.Tensor) -> torch.Tensor:
    if not tensor.is_floating_point():
        raise ProblemError(f"modality {name!r} holds no floats, which have a mean: give absent='zeros'")
    return tensor.mean(dim=0, keepdim=True)


def _with_only(rows: Samples, there: Mapping[str, bool], fill: Mapping[str, torch.Tensor] | None) -> Samples:
    """The samples with only the modalities that are there, as far as each row has them."""
    masks = {name: rows.mask(name) & bool(flag) for name, flag in there.items()}
    if fill is None:
        return replace(rows, present=masks)
    tensors = {
        name: torch.where(masks[name].reshape(-1, *[1] * (tensor.ndim - 1)), tensor, fill[name])
        for name, tensor in rows.modalities.items()
    }
    return replace(rows, modalities=tensors)


def _head(output: Any, head: str, n: int) -> torch.Tensor:
    """Logits (n, n_classes): the output itself, or the head of that name in a mapping or a named tuple."""
    heads = output._asdict() if hasattr(output, "_asdict") else output
    if isinstance(heads, Mapping):
        if head not in heads:
            raise ProblemError(f"the model has no head {head!r}: it gives {', '.join(heads)}")
        heads = heads[head]
    if not isinstance(heads, torch.Tensor) or heads.ndim != 2 or len(heads) != n:
        got = f"shape {tuple(heads.shape)}" if isinstance(heads, torch.Tensor) else type(heads).__name__
        raise ProblemError(f"the model's head {head!r} gives {got}, expected logits ({n}, n_classes)")
    return heads


def _classes(logits: torch.Tensor, labels: torch.Tensor, target: str) -> torch.Tensor:
    if target == "predicted":
        return logits.argmax(1)
    if int(labels.max()) >= logits.shape[1]:
        raise ProblemError(
            f"the labels go up to {int(labels.max())}, but the head has {logits.shape[1]} classes"
        )
    return labels
