"""Joint against separate: what training modalities together gains, and what it costs each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from moo.errors import ProblemError
from moo.multimodal.balancing.base import layout
from moo.multimodal.data import Samples
from moo.multimodal.probes import linear_probe
from moo.multimodal.problem import ModelProblem
from moo.multimodal.search import WeightSearch, search_weights
from moo.multimodal.search.result import t_interval

if TYPE_CHECKING:
    import pandas as pd

JOINT, EQUAL = "joint", "equal weights"


@dataclass(frozen=True)
class JointAgainstSeparate:
    """What `joint_against_separate` found.

    Attributes:
        accuracy: test accuracy (rows: each modality alone, "joint": the fused loss alone, "equal weights":
            all losses) as "mean", "low" and "high" of a 95 % t interval over seeds, with the chosen
            "learning rate".
        gain: the joint model's test accuracy less the best single modality's (by validation), by seed: mean,
            low, high; a row each for "joint" and "equal weights".
        probes: test accuracy of a linear probe of each modality's encoder, after training alone and jointly:
            a row a modality and joint training, with "alone", "joint" and their "difference", "low", "high".
        search: every model that was trained.
    """

    accuracy: pd.DataFrame
    gain: pd.DataFrame
    probes: pd.DataFrame
    search: WeightSearch

    def __str__(self) -> str:
        parts = {
            "test accuracy": self.accuracy,
            "gain over the best single modality": self.gain,
            "linear probes of the encoders": self.probes,
        }
        shown = [
            f"{title}\n{table.to_string(float_format='{:.4f}'.format)}" for title, table in parts.items()
        ]
        return "\n\n".join(shown)


def joint_against_separate(
    task: ModelProblem,
    *,
    n_rates: int = 8,
    steps: int = 300,
    seeds: int | Sequence[int] = 5,
    learning_rates: Sequence[float] = (1e-3, 1e-1),
    inner: str = "adam",
) -> JointAgainstSeparate:
    """Train each modality alone, all of them by the fused loss, and all by the sum of the losses, each at as
    many learning rates, chosen on the validation split by the accuracy that the training is for.

    All models of a seed start from the same parameters and see the same minibatches, so differences are
    within a seed.

    Args:
        task: a classification task with a fused loss, such as `ImageText()`.
        n_rates: learning rates of each training.
        steps, seeds, learning_rates, inner: as in `search_weights`.

    Raises:
        ProblemError: for another task, or when one of the trainings diverged at every rate.
        OptionError: for options out of their range.
    """
    fused, encoders = layout(task)
    kinds = {e.modality: np.eye(task.n_obj)[e.loss] for e in encoders}
    kinds |= {JOINT: np.eye(task.n_obj)[fused], EQUAL: np.full(task.n_obj, 1.0 / task.n_obj)}
    options: dict[str, Any] = {
        "steps": steps,
        "seeds": seeds,
        "learning_rates": learning_rates,
        "inner": inner,
    }
    W = np.array(list(kinds.values()))
    search = search_weights(task, weights=W, n_rates=n_rates, chosen_by="fused accuracy", **options)
    heads = {kind: kind if kind in task.train.modalities else "fused" for kind in kinds}
    X, rates = {}, {}
    for k, (kind, head) in enumerate(heads.items()):
        chosen = _best(search, range(k * n_rates, (k + 1) * n_rates), f"validation {head} accuracy", kind)
        X[kind] = search.X[(search.table.setting == chosen).to_numpy()]
        rates[kind] = float(search.settings["learning rate"][chosen])
    tested = {kind: task.report(X[kind])[f"test {head} accuracy"] for kind, head in heads.items()}
    single = max(
        (e.modality for e in encoders),
        key=lambda m: float(task.report(X[m])[f"validation {m} accuracy"].mean()),
    )
    return JointAgainstSeparate(
        _accuracy(tested, rates),
        _gain(tested, single),
        _probes(task, X, [e.modality for e in encoders]),
        search,
    )


def _best(search: WeightSearch, settings: range, figure: str, kind: str) -> int:
    values = search.settings.loc[list(settings)]
    if not values.ok.any():
        raise ProblemError(f"training {kind!r} diverged at every learning rate: give lower ones")
    return settings[int(values[figure].where(values.ok, -np.inf).to_numpy().argmax())]


def _accuracy(tested: dict[str, np.ndarray], rates: dict[str, float]) -> pd.DataFrame:
    import pandas as pd

    rows = {
        kind if kind in (JOINT, EQUAL) else f"{kind} alone": (*t_interval(values), rates[kind])
        for kind, values in tested.items()
    }
    columns = ["mean", "low", "high", "learning rate"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _gain(tested: dict[str, np.ndarray], single: str) -> pd.DataFrame:
    import pandas as pd

    rows = {f"{kind} - {single} alone": t_interval(tested[kind] - tested[single]) for kind in (JOINT, EQUAL)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "low", "high"])


def _probes(task: ModelProblem, X: dict[str, np.ndarray], modalities: list[str]) -> pd.DataFrame:
    import pandas as pd

    rows = {}
    for modality in modalities:
        alone = np.array([_probe(task, x, modality) for x in X[modality]])
        for kind in (JOINT, EQUAL):
            joint = np.array([_probe(task, x, modality) for x in X[kind]])
            difference, low, high = t_interval(joint - alone)
            rows[f"{modality}, {kind}"] = (alone.mean(), joint.mean(), difference, low, high)
    columns = ["alone", "joint", "difference", "low", "high"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _probe(task: ModelProblem, x: np.ndarray, modality: str) -> float:
    """Test accuracy of a probe of one modality's encoder, over the rows that have the modality."""
    encoder = task.module(x).get_submodule(f"encoders.{modality}")
    (train, labels), (test, test_labels) = (
        _embedded(encoder, samples, modality) for samples in (task.train, task.heldout["test"])
    )
    return linear_probe(train, labels, test, test_labels)


def _embedded(encoder: torch.nn.Module, samples: Samples, modality: str) -> tuple[torch.Tensor, torch.Tensor]:
    there = samples.mask(modality)
    with torch.no_grad():
        return encoder(samples.modalities[modality][there]).flatten(1).cpu(), samples.labels[there].cpu()
