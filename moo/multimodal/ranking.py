"""How well scores rank: recall at k, median rank and area under the ROC curve, of many models by
`torch.func.vmap` too. Ties are broken by chance: each figure is what a random order of equal scores
gives on average, so that a constant score is worth no more than guessing."""

from __future__ import annotations

from typing import NamedTuple

import torch

from moo.errors import ProblemError

_ROUNDING = 8  # units in the last place of the largest score, within which scores are equal


class Places(NamedTuple):
    """Where a query's nearest hits stand, each (n_queries,), float64.

    Attributes:
        above: candidates that are no hits and score higher than the best hit.
        tied: candidates that are no hits and score as the best hit.
        hits: hits that score as the best hit.
    """

    above: torch.Tensor
    tied: torch.Tensor
    hits: torch.Tensor


def places(scores: torch.Tensor, hits: torch.Tensor) -> Places:
    """The places of the best hits.

    Args:
        scores: (n_queries, n_candidates), the higher the nearer.
        hits: bool, of the same shape: which candidates answer a query; one at least each.

    Raises:
        ProblemError: for shapes that differ, or that hold no queries.
    """
    _check_shapes(scores, hits)
    best = scores.masked_fill(~hits, -torch.inf).amax(1, keepdim=True)
    # Products of equal vectors may differ in their last digits, by where they stand in their matrices.
    slack = _ROUNDING * torch.finfo(scores.dtype).eps * scores.abs().amax(1, keepdim=True)
    level = (scores - best).abs() <= slack
    counts = [(scores > best) & ~hits & ~level, level & ~hits, level & hits]
    return Places(*(count.sum(1).double() for count in counts))


def recall_at(scores: torch.Tensor, hits: torch.Tensor, k: int) -> torch.Tensor:
    """Share () of the queries that have a hit among their k nearest candidates; arguments as `places`.

    With a candidates above, t misses and m hits level with the best hit, a random order of the level
    ones leaves the first k without a hit with probability C(t, k - a) / C(t + m, k - a).

    Raises:
        ProblemError: as `places`; for k that is no positive integer.
    """
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise ProblemError(f"k={k!r} is not accepted: give an integer >= 1")
    above, tied, level = places(scores, hits)
    free = (k - above).clamp(min=0)
    return (1 - _share_without(free, tied, level)).mean().to(scores.dtype)


def median_rank(scores: torch.Tensor, hits: torch.Tensor) -> torch.Tensor:
    """The median () over queries of the best hit's rank, 1 being the nearest; arguments as `places`.

    Of t misses and m hits that score alike, the first hit comes after t / (m + 1) misses on average.

    Raises:
        ProblemError: as `places`.
    """
    above, tied, level = places(scores, hits)
    ranks = (1 + above + tied / (level + 1)).sort().values
    middle = len(hits) - 1
    return ((ranks[middle // 2] + ranks[(middle + 1) // 2]) / 2).to(scores.dtype)


def auroc(scores: torch.Tensor, positive: torch.Tensor) -> torch.Tensor:
    """Area () under the ROC curve: the probability that a positive scores above a negative, a tie
    counting half (Hanley and McNeil 1982, section III). In n log n.

    Args:
        scores: (n,), the higher the more likely positive.
        positive: bool (n,).

    Raises:
        ProblemError: for shapes that differ, or without a positive or a negative.
    """
    if scores.shape != positive.shape or scores.ndim != 1:
        raise ProblemError(
            f"scores have shape {tuple(scores.shape)} and positive has {tuple(positive.shape)}, expected "
            "(n,) both"
        )
    above, below = (chosen.nonzero()[:, 0] for chosen in (positive, ~positive))
    if not len(above) or not len(below):
        raise ProblemError(
            f"AUROC of {len(above)} positives and {len(below)} negatives: expected some of each"
        )
    ordered, values = scores[below].sort().values.contiguous(), scores[above].contiguous()
    lower = torch.searchsorted(ordered, values)
    not_higher = torch.searchsorted(ordered, values, right=True)
    return ((lower + not_higher).double().mean() / (2 * len(below))).to(scores.dtype)


def _share_without(free: torch.Tensor, misses: torch.Tensor, hits: torch.Tensor) -> torch.Tensor:
    """C(misses, free) / C(misses + hits, free), which is 0 where free exceeds the misses."""
    drawn = torch.minimum(free, misses)
    log_share = _log_falling(misses, drawn) - _log_falling(misses + hits, drawn)
    return torch.where(free > misses, 0.0, log_share.exp())


def _log_falling(n: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    """log(n (n - 1) ... (n - k + 1))."""
    return torch.lgamma(n + 1) - torch.lgamma(n - k + 1)


def _check_shapes(scores: torch.Tensor, hits: torch.Tensor) -> None:
    if scores.shape != hits.shape or scores.ndim != 2 or not scores.numel():
        raise ProblemError(
            f"scores have shape {tuple(scores.shape)} and hits {tuple(hits.shape)}, expected "
            "(n_queries, n_candidates) both, with some of each"
        )
