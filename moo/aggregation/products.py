"""The two products that an aggregator takes of a Jacobian: the Gramian, and the gradients' weighted sum.

A batched matrix product spends most of its time outside arithmetic where matrices are as small as here: small
batches in the processor's memory go through compiled loops, all others through torch.
"""

from __future__ import annotations

import numba
import numpy as np
import torch

from moo.sorting import compiled

_FEW = 2**18  # entries of a batch that one thread has multiplied before several have begun
_CHUNK = 512  # entries of each gradient at a time: those of eight gradients stay in the nearest cache

# Sums may be taken in any order, four numbers at once: NaN and infinity stay what they are.
_summing = numba.njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})


def gramian(J: torch.Tensor) -> torch.Tensor:
    """(n, m, m) inner products of the gradients of each Jacobian (n, m, d)."""
    if _is_plain(J) and (J.numel() <= _FEW or torch.get_num_threads() == 1):
        return torch.from_numpy(_gramian(J.numpy()))
    return J @ J.mT


def combination(weights: torch.Tensor, J: torch.Tensor) -> torch.Tensor:
    """(n, d) sums of the gradients of each Jacobian (n, m, d), times the weights (n, m)."""
    alike = weights.dtype is J.dtype and weights.shape == J.shape[:2]
    if alike and J.numel() <= _FEW and _is_plain(J) and _is_plain(weights):
        return torch.from_numpy(_combination(weights.numpy(), J.numpy()))
    return (weights[:, None] @ J)[:, 0]


def _is_plain(values: torch.Tensor) -> bool:
    """Whether compiled loops take them as they are, and nobody asks for their derivative."""
    known = values.dtype is torch.float64 or values.dtype is torch.float32
    return known and values.is_cpu and not values.requires_grad and values.is_contiguous()


@compiled
def _gramian(J: np.ndarray) -> np.ndarray:
    """Two gradients at a time with two: each number read is used twice. One without a next stands for it."""
    n, m, d = J.shape
    G, sums = np.empty((n, m, m), J.dtype), np.empty((m + 1, m + 1), J.dtype)
    for row in range(n):
        sums[:] = 0.0
        for start in range(0, d, _CHUNK):
            end = start + _CHUNK
            for i in range(0, m, 2):
                a, b = J[row, i, start:end], J[row, min(i + 1, m - 1), start:end]
                for j in range(0, i + 1, 2):
                    products = _products(a, b, J[row, j, start:end], J[row, min(j + 1, m - 1), start:end])
                    sums[i, j] += products[0]
                    sums[i, j + 1] += products[1]
                    sums[i + 1, j] += products[2]
                    sums[i + 1, j + 1] += products[3]
        for i in range(m):
            for j in range(i + 1):
                G[row, i, j] = G[row, j, i] = sums[i, j]
    return G


@_summing
def _products(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray
) -> tuple[float, float, float, float]:
    """a c, a d, b c and b d."""
    ac = ad = bc = bd = a.dtype.type(0.0)
    for k in range(len(a)):
        ac += a[k] * c[k]
        ad += a[k] * d[k]
        bc += b[k] * c[k]
        bd += b[k] * d[k]
    return ac, ad, bc, bd


@compiled
def _combination(weights: np.ndarray, J: np.ndarray) -> np.ndarray:
    n, m, d = J.shape
    direction = np.zeros((n, d), J.dtype)
    for row in range(n):
        for i in range(m):
            for k in range(d):
                direction[row, k] += weights[row, i] * J[row, i, k]
    return direction
