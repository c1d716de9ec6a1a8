"""Data made worse on purpose: noisy features, wrong labels, rare classes, missing modalities.

Every function returns new data, leaves what it was given as it was, and composes with the others. What it
draws follows from ``seed``, from what it corrupts and from the split alone: corrupting the test split as
well does not change what happens to the training split. With the same seed a stronger corruption of one
modality, or of the labels, contains the weaker one, so that curves over its strength are not jumpy.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from moo.errors import OptionError, ProblemError, unknown_name
from moo.multimodal.data import MultimodalData, Samples

TRAIN = ("train",)


def with_noise(
    data: MultimodalData, modality: str, scale: float, *, parts: Sequence[str] = TRAIN, seed: int = 0
) -> MultimodalData:
    """The data with Gaussian noise on one modality.

    Args:
        data: what is corrupted.
        modality: a tensor of floating-point numbers (n, ...). Rows that lack it stay zero.
        scale: standard deviation of the noise, in units of the modality's own over the training rows that
            have it: of each column for vectors (n, k), whose columns may have different units; of all
            entries together for anything else, such as images. Images are not clipped to [0, 1].
        parts: the splits whose rows are corrupted.
        seed: of the noise; another scale has the same noise, scaled.

    Raises:
        OptionError: for an unknown modality or split, and a scale that is negative or not finite.
        ProblemError: for features that are integers or not finite.
    """
    names = _known_parts(data, parts)
    _require_number("scale", scale, 0.0, math.inf)
    values = _floating(data, modality)
    unit = _deviation(values[_training_rows(data, modality)])
    there = data.samples.mask(modality)
    noisy = values.clone()
    for part in names:
        rows = _rows(data, part)
        drawn = _generator(seed, "noise", modality, part).standard_normal((len(rows), *values.shape[1:]))
        noise = torch.from_numpy(drawn).to(values) * (scale * unit)
        noisy[rows] += torch.where(_beside(there[rows], noise), noise, 0.0)
    return _replaced(data, modalities={modality: noisy})


def with_label_noise(
    data: MultimodalData, share: float, *, parts: Sequence[str] = TRAIN, seed: int = 0
) -> MultimodalData:
    """The data with a share of the labels wrong: each changed to one of the other classes, all of them
    equally likely (symmetric noise). Targets stay as they are.

    Args:
        data: what is corrupted.
        share: of the labels in each split, from 0 to 1, rounded to whole rows.
        parts: the splits whose labels are corrupted.
        seed: of the choice; a larger share has the wrong labels of a smaller one, and more.

    Raises:
        OptionError: for an unknown split, and a share outside [0, 1].
        ProblemError: for data of one class.
    """
    names = _known_parts(data, parts)
    _require_number("share", share, 0.0, 1.0)
    n_classes = len(data.class_names)
    if n_classes < 2:
        raise ProblemError("the data has one class, so no label can be wrong: expected at least two")
    labels = data.samples.labels.clone()
    for part in names:
        rng, index = _generator(seed, "labels", part), data.split[part]
        order, steps = rng.permutation(len(index)), rng.integers(1, n_classes, len(index))
        chosen = order[: round(share * len(index))]
        rows = torch.from_numpy(index[chosen])
        labels[rows] = (labels[rows] + torch.from_numpy(steps[chosen]).to(labels)) % n_classes
    return replace(data, samples=replace(data.samples, labels=labels))


def with_imbalance(
    data: MultimodalData, ratio: float, *, parts: Sequence[str] = TRAIN, seed: int = 0
) -> MultimodalData:
    """The data with a long tail: classes thinned until the largest has ``ratio`` times the smallest, in an
    exponential profile, class i of C has n_0 ratio^(-i / (C - 1)) rows (Cui et al. 2019, section 5.1).

    Classes keep their order by size, the first of equal ones by label, and n_0 is the most that they have
    rows for; so ratio 1 makes all as large as the smallest. The splits lose rows, ``samples`` keeps them.

    Args:
        data: what is corrupted.
        ratio: at least 1.
        parts: the splits that are thinned.
        seed: of the choice of rows.

    Raises:
        OptionError: for an unknown split, a ratio below 1, and one that leaves a class no sample.
        ProblemError: when a class has no sample in the split as it is.
    """
    names = _known_parts(data, parts)
    _require_number("ratio", ratio, 1.0, math.inf)
    labels = data.samples.labels.cpu().numpy()
    split = dict(data.split)
    for part in names:
        rows = split[part]
        sizes = _profile(data.class_names, labels[rows], ratio, part)
        rng = _generator(seed, "imbalance", part)
        kept = [rng.permutation(rows[labels[rows] == label])[:size] for label, size in enumerate(sizes)]
        split[part] = np.sort(np.concatenate(kept))
    return replace(data, split=split)


def with_missing(
    data: MultimodalData, shares: Mapping[str, float], *, parts: Sequence[str] = TRAIN, seed: int = 0
) -> MultimodalData:
    """The data with modalities taken from rows at random: marked absent in ``samples.present``, zero there.

    A row never loses the last modality that it has. So of two modalities each row loses one at most (Lee et
    al. 2023, "Multimodal prompting with missing modalities", section 3.1), and of more each is lost
    independently of the others as far as that allows.

    Args:
        data: what is corrupted.
        shares: modality -> share of the rows which have it in each split that lose it, from 0 to 1, rounded
            to whole rows: ``{"image": 0.3}``.
        parts: the splits whose rows lose them.
        seed: of the choice of rows.

    Raises:
        OptionError: for an unknown modality or split, and shares outside [0, 1].
        ProblemError: when too few rows have another modality, and when no training row would have it.
    """
    if not isinstance(shares, Mapping):
        raise OptionError(f"shares={shares!r} is not accepted: give {{modality: share}}, {{'image': 0.3}}")
    names = _known_parts(data, parts)
    present = {name: data.samples.mask(name).cpu().numpy().copy() for name in data.samples.modalities}
    for modality, share in shares.items():
        _require_modality(data, modality)
        _require_number(f"shares[{modality!r}]", share, 0.0, 1.0)
        for part in names:
            lost = _lost(
                present, modality, share, data.split[part], _generator(seed, "missing", modality, part)
            )
            present[modality][lost] = False
        _require_taught(present[modality][data.split["train"]], modality)
    masks = {name: torch.from_numpy(present[name]).to(data.samples.labels.device) for name in shares}
    values = {name: _zeroed(data.samples.modalities[name], mask) for name, mask in masks.items()}
    return _replaced(data, modalities=values, present=masks)


# ------------------------------------------------------------------ noise


def _floating(data: MultimodalData, modality: str) -> torch.Tensor:
    _require_modality(data, modality)
    values = data.samples.modalities[modality]
    if not values.is_floating_point():
        raise ProblemError(f"modality {modality!r} holds {values.dtype}, expected floating-point numbers")
    odd = torch.nonzero(~values.flatten(1).isfinite().all(1))[:, 0]
    if len(odd):
        raise ProblemError(
            f"modality {modality!r} has {len(odd)} rows that are not finite, the first is row {int(odd[0])}: "
            "leave them out, or mark them absent with zeros in their place"
        )
    return values


def _training_rows(data: MultimodalData, modality: str) -> torch.Tensor:
    rows = _rows(data, "train")
    there = rows[data.samples.mask(modality)[rows]]
    if not len(there):
        raise ProblemError(f"modality {modality!r} is missing in every training row, so noise has no unit")
    return there


def _deviation(values: torch.Tensor) -> torch.Tensor:
    """Standard deviation (k,) of the columns of vectors, else () of all entries."""
    return values.std(0, correction=0) if values.ndim == 2 else values.std(correction=0)


def _beside(mask: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """A mask (n,) in a shape that goes with values (n, ...)."""
    return mask.reshape(-1, *[1] * (values.ndim - 1))


# ------------------------------------------------------------------ classes


def _profile(class_names: Sequence[str], labels: np.ndarray, ratio: float, part: str) -> np.ndarray:
    """How many rows of each class to keep (n_classes,)."""
    available = np.bincount(labels, minlength=len(class_names))
    if not available.all():
        empty = class_names[int(available.argmin())]
        raise ProblemError(f"class {empty!r} has no sample in the split {part!r}: expected some of each")
    order = np.argsort(-available, kind="stable")
    shares = ratio ** (-np.arange(len(order)) / max(len(order) - 1, 1))
    largest = (available[order] / shares).min()
    sizes = np.empty_like(available)
    sizes[order] = np.round(shares * largest)
    if not sizes.all():
        raise OptionError(
            f"ratio={ratio!r} leaves class {class_names[order[-1]]!r} no sample in the split {part!r}, where "
            f"the largest class has {int(largest)}: give a smaller one"
        )
    return sizes


# ------------------------------------------------------------------ missing modalities


def _lost(
    present: Mapping[str, np.ndarray],
    modality: str,
    share: float,
    rows: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """The rows that lose a modality: drawn from those that have it and another."""
    having = rows[present[modality][rows]]
    others = [mask for name, mask in present.items() if name != modality]
    able = rng.permutation(having)
    able = able[np.any([mask[able] for mask in others], axis=0)] if others else able[:0]
    wanted = round(share * len(having))
    if wanted > len(able):
        raise ProblemError(
            f"modality {modality!r} cannot be taken from {wanted} of the {len(having)} rows that have it: "
            f"{len(able)} of them have another, and no row may lose its last"
        )
    return able[:wanted]


def _require_taught(present: np.ndarray, modality: str) -> None:
    if not present.any():
        raise ProblemError(
            f"modality {modality!r} would be missing in every training row: leave it out of the data "
            "instead, or give a smaller share"
        )


def _zeroed(values: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    return values.masked_fill(~_beside(present, values), 0)


# ------------------------------------------------------------------ what all share


def _generator(seed: int, *what: str) -> np.random.Generator:
    """A stream of its own for each purpose, so that corruptions of one seed are independent."""
    return np.random.default_rng([seed, zlib.crc32("\n".join(what).encode())])


def _rows(data: MultimodalData, part: str) -> torch.Tensor:
    return torch.from_numpy(data.split[part]).to(data.samples.labels.device)


def _replaced(
    data: MultimodalData,
    modalities: Mapping[str, torch.Tensor],
    present: Mapping[str, torch.Tensor] | None = None,
) -> MultimodalData:
    samples = data.samples
    changed: Samples = replace(
        samples,
        modalities={**samples.modalities, **modalities},
        present={**samples.present, **(present or {})},
    )
    return replace(data, samples=changed)


def _known_parts(data: MultimodalData, parts: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(data, MultimodalData):
        raise OptionError(f"data is {type(data).__name__}, expected moo.multimodal.MultimodalData")
    names = (parts,) if isinstance(parts, str) else tuple(parts)
    for name in names:
        if name not in data.split:
            raise OptionError(unknown_name("split", str(name), data.split))
    return names


def _require_modality(data: MultimodalData, modality: str) -> None:
    if modality not in data.samples.modalities:
        raise OptionError(unknown_name("modality", str(modality), data.samples.modalities))


def _require_number(name: str, value: float, low: float, high: float) -> None:
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not (is_number and math.isfinite(value) and low <= value <= high):
        wanted = f"from {low:g} to {high:g}" if math.isfinite(high) else f">= {low:g}"
        raise OptionError(f"{name}={value!r} is not accepted: give a finite number {wanted}")
