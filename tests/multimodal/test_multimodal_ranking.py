"""Ranking figures against counts over all random orders of ties, and SciPy's rank sums."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import mannwhitneyu

from moo.errors import ProblemError
from moo.multimodal.ranking import auroc, median_rank, recall_at

LEVELS = st.integers(0, 3)  # few, so that there are ties


@st.composite
def retrievals(draw):
    """Scores and hits of up to 3 queries and 5 candidates, each query with a hit."""
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 5)))
    scores = draw(arrays(np.int64, shape, elements=LEVELS))
    hits = draw(arrays(np.bool_, shape))
    hits[np.arange(shape[0]), draw(arrays(np.int64, shape[0], elements=st.integers(0, shape[1] - 1)))] = True
    return torch.tensor(scores, dtype=torch.float32), torch.tensor(hits)


def _ranks(scores, hits):
    """The best hit's rank in every order that the scores allow, a list a query."""
    found = []
    for row, hit in zip(scores.tolist(), hits.tolist(), strict=True):
        orders = [
            order
            for order in permutations(range(len(row)))
            if sorted(row, reverse=True) == [row[i] for i in order]
        ]
        found.append([next(rank for rank, i in enumerate(order, 1) if hit[i]) for order in orders])
    return found


@given(retrievals(), st.integers(1, 6))
def test_recall_is_the_average_over_the_orders_of_equal_scores(retrieval, k):
    expected = np.mean([np.mean(np.array(ranks) <= k) for ranks in _ranks(*retrieval)])
    assert recall_at(*retrieval, k).item() == pytest.approx(expected, abs=1e-6)


@given(retrievals())
def test_the_median_rank_is_that_of_the_average_ranks(retrieval):
    expected = np.median([np.mean(ranks) for ranks in _ranks(*retrieval)])
    assert median_rank(*retrieval).item() == pytest.approx(expected, rel=1e-6)


def test_a_constant_score_is_worth_a_guess():
    scores, hits = torch.zeros(400, 400), torch.eye(400, dtype=torch.bool)
    assert recall_at(scores, hits, 10).item() == pytest.approx(10 / 400)
    assert median_rank(scores, hits).item() == pytest.approx(401 / 2)
    assert auroc(torch.zeros(7), torch.arange(7) < 3).item() == 0.5


def test_scores_that_differ_by_rounding_alone_are_equal():
    scores = torch.full((6, 6), 0.7)
    scores[:, ::2] = torch.nextafter(scores[:, ::2], torch.tensor(1.0))
    assert recall_at(scores, torch.eye(6, dtype=torch.bool), 1).item() == pytest.approx(1 / 6)
    assert median_rank(scores, torch.eye(6, dtype=torch.bool)).item() == pytest.approx(3.5)


def test_a_perfect_score_finds_all_and_its_negative_the_last():
    hits = torch.eye(30, dtype=torch.bool)
    assert recall_at(hits.float(), hits, 1).item() == 1.0
    assert median_rank(hits.float(), hits).item() == 1.0
    assert recall_at(-hits.float(), hits, 29).item() == 0.0
    assert median_rank(-hits.float(), hits).item() == 30.0


@given(
    arrays(np.int64, st.integers(2, 30), elements=LEVELS).flatmap(
        lambda scores: st.tuples(st.just(scores), arrays(np.bool_, len(scores)))
    )
)
def test_auroc_is_the_rank_sum_statistic(drawn):
    scores, positive = drawn
    positive[:2] = [True, False]
    u = mannwhitneyu(scores[positive], scores[~positive]).statistic
    value = auroc(torch.tensor(scores, dtype=torch.float32), torch.tensor(positive)).item()
    assert value == pytest.approx(u / (positive.sum() * (~positive).sum()), abs=1e-6)


def test_many_models_at_once_have_the_figures_of_each():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(4, (5, 12, 9), generator=generator).float()
    hits = torch.arange(12)[:, None] % 9 == torch.arange(9)
    for figure in (
        lambda s: recall_at(s, hits, 3),
        lambda s: median_rank(s, hits),
        lambda s: auroc(s[0], hits[0]),
    ):
        together = torch.func.vmap(figure)(scores)
        assert together.tolist() == pytest.approx([figure(one).item() for one in scores])
        assert len(set(together.tolist())) > 1


@pytest.mark.parametrize("figure", [lambda s, h: recall_at(s, h, 1), median_rank])
@pytest.mark.parametrize("shapes", [((3, 4), (4, 3)), ((3,), (3,)), ((0, 3), (0, 3)), ((2, 0), (2, 0))])
def test_shapes_that_are_no_retrieval_are_refused(figure, shapes):
    scores, hits = torch.zeros(shapes[0]), torch.ones(shapes[1], dtype=torch.bool)
    with pytest.raises(ProblemError, match=r"expected \(n_queries, n_candidates\) both"):
        figure(scores, hits)


@pytest.mark.parametrize("k", [0, -1, 2.5, True])
def test_a_k_that_is_no_count_is_refused(k):
    with pytest.raises(ProblemError, match="give an integer >= 1"):
        recall_at(torch.zeros(1, 1), torch.ones(1, 1, dtype=torch.bool), k)


def test_auroc_needs_both_kinds():
    with pytest.raises(ProblemError, match="0 positives and 3 negatives"):
        auroc(torch.zeros(3), torch.zeros(3, dtype=torch.bool))
    with pytest.raises(ProblemError, match="3 positives and 0 negatives"):
        auroc(torch.zeros(3), torch.ones(3, dtype=torch.bool))
    with pytest.raises(ProblemError, match=r"expected \(n,\) both"):
        auroc(torch.zeros(3), torch.ones(2, dtype=torch.bool))
