"""Compiled sorting of objective vectors in two and three dimensions, in O(n log n) and a little more."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


def compiled(function: Any) -> Any:
    """numba's nopython compilation, cached beside the source."""
    return numba.njit(cache=True, error_model="numpy")(function)
