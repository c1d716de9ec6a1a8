"""Mean ranks, Friedman's test, the critical difference and its cliques; and the price of a backward pass."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import friedmanchisquare, rankdata
from study_results import KNOWN, UNKNOWN, made, study_of

from moo.errors import OptionError
from moo.result import History, Result, Statement
from moo.study import Failure, Study
from moo.study.ranks import cliques, critical_difference, friedman

# Demsar (2006), table 6: AUC of C4.5 and its variants on 14 data sets.
AUC = np.array(
    [
        [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.000, 0.940, 0.619, 0.972, 0.957],
        [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.000, 0.962, 0.666, 0.981, 0.978],
        [0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1.000, 0.965, 0.614, 0.9751, 0.946],
        [0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1.000, 0.962, 0.669, 0.975, 0.970],
    ]
)  # fmt: skip


def grid(values: dict[str, list[list[float]]]) -> Study:
    """A study from label -> for each problem the corners of its runs."""
    study = study_of({label: problems[0] for label, problems in values.items()})
    study.results.clear()
    study.problems = {f"p{i}": KNOWN for i in range(len(next(iter(values.values()))))}
    for label, problems in values.items():
        for i, corners in enumerate(problems):
            for seed, a in enumerate(corners):
                study.results[f"p{i}", label, seed] = made([[a, a]], seed=seed)
    return study


# ---------------------------------------------------------------------- Demsar's example


def test_demsars_example() -> None:
    """Average ranks 3.143, 2.000, 2.893, 1.964 (his table 6); Friedman's chi square is 9.28, which his
    formula without the correction for ties gives; the critical difference at 5 % is 1.25 (page 16)."""
    table = np.array([rankdata(-row) for row in AUC.T])
    assert table.mean(axis=0) == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    chi = 12 * 14 / (4 * 5) * ((table.mean(axis=0) ** 2).sum() - 4 * 25 / 4)
    assert chi == pytest.approx(9.28, abs=0.02)
    assert friedman(table) == pytest.approx(friedmanchisquare(*AUC).pvalue)
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=5e-3)


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_the_critical_values_are_those_of_demsars_table_5(k: int, q: float) -> None:
    assert critical_difference(k, 6) * math.sqrt(36 / (k * (k + 1))) == pytest.approx(q, abs=1e-3)


def test_friedman_needs_three_optimizers_and_two_problems() -> None:
    assert math.isnan(friedman(np.ones((5, 2))))
    assert math.isnan(friedman(np.ones((1, 3))))
    assert friedman(np.full((4, 3), 2.0)) == 1.0


def test_cliques_by_hand() -> None:
    mean = {"a": 1.0, "b": 1.5, "c": 2.2, "d": 4.0}
    assert cliques(mean, 1.0) == [["a", "b"], ["b", "c"]]
    assert cliques(mean, 2.0) == [["a", "b", "c"], ["c", "d"]]
    assert cliques(mean, 9.0) == [["a", "b", "c", "d"]]
    assert cliques(mean, 0.1) == []


@given(st.lists(st.floats(1, 9), min_size=1, max_size=8), st.floats(0.01, 9))
def test_cliques_hold_exactly_those_that_are_near(values: list[float], difference: float) -> None:
    mean = {f"o{i}": v for i, v in enumerate(values)}
    groups = [set(group) for group in cliques(mean, difference)]
    for a in mean:
        for b in mean:
            together = any({a, b} <= group for group in groups)
            assert a == b or together == (abs(mean[a] - mean[b]) < difference)
    assert not any(one < other for one in groups for other in groups)


# ---------------------------------------------------------------------- ranks of a study


def test_ranks_by_hand() -> None:
    ranks = grid({"a": [[0.3], [0.3]], "b": [[0.1], [0.3]], "c": [[0.2], [0.1]]}).ranks()
    assert list(ranks.mean.items()) == [("c", 1.5), ("b", (1 + 2.5) / 2), ("a", (3 + 2.5) / 2)]
    assert ranks.problems == ["p0", "p1"]
    assert (ranks.critical_difference, ranks.cliques) == (None, [])
    assert "a critical difference needs 8 problems" in str(ranks)
    table = ranks.to_pandas()
    assert table["optimizer"].tolist() == ["c", "b", "a"]
    assert table["lower"].tolist() == table["mean rank"].tolist()  # one run leaves nothing to draw anew


def test_eight_problems_have_a_critical_difference() -> None:
    spread = [[0.1 + 0.01 * i] for i in range(8)]
    study = grid(
        {
            "a": spread,
            "b": [[2 * a for a in of] for of in spread],
            "c": [[3 * a for a in of] for of in spread],
        }
    )
    ranks = study.ranks()
    assert list(ranks.mean.values()) == [1, 2, 3]
    assert ranks.critical_difference == pytest.approx(critical_difference(3, 8))
    assert ranks.cliques == [["a", "b"], ["b", "c"]]
    assert ranks.p == pytest.approx(friedmanchisquare(range(8), range(8, 16), range(16, 24)).pvalue)
    assert f"critical difference {ranks.critical_difference:.2f}" in str(ranks)


def test_runs_that_overlap_give_an_interval() -> None:
    rng = np.random.default_rng(0)
    corners = {label: [rng.random(15).tolist() for _ in range(3)] for label in "abc"}
    ranks = grid(corners).ranks()
    for label, mean in ranks.mean.items():
        low, high = ranks.intervals[label]
        assert 1 <= low <= mean <= high <= 3
        assert low < high
    assert ranks == grid(corners).ranks()


def test_runs_far_apart_give_a_narrow_one() -> None:
    ranks = grid({"a": [[0.1, 0.11, 0.12]] * 2, "b": [[0.5, 0.6, 0.55]] * 2}).ranks()
    assert ranks.intervals == {"a": (1, 1), "b": (2, 2)}


def test_who_failed_is_last_and_a_problem_that_was_not_run_is_left_out() -> None:
    study = grid({"a": [[0.9], [0.9]], "b": [[0.1], [0.1]]})
    study.failures["p0", "b", 0] = Failure("killed", study.results.pop(("p0", "b", 0)))
    del study.results["p1", "b", 0]
    ranks = study.ranks()
    assert ranks.problems == ["p0"]
    assert ranks.mean == {"a": 1.0, "b": 2.0}
    assert str(ranks).startswith("mean rank over 1 problem: a 1.00")


def test_no_problem_at_all_has_no_ranks() -> None:
    study = grid({"a": [[0.9]], "b": [[0.1]]})
    study.results.clear()
    ranks = study.ranks()
    assert all(math.isnan(rank) for rank in ranks.mean.values())
    assert study.sentences() == ["p0: no run came to its end."]


@given(power=st.sampled_from([0.5, 2.0, 3.0]), seed=st.integers(0, 999))
@settings(max_examples=10, deadline=None)
def test_a_monotone_change_of_the_answers_leaves_the_ranks(power: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = {label: [rng.random(3).tolist() for _ in range(2)] for label in "abc"}
    changed = {label: [[a**power for a in of] for of in problems] for label, problems in corners.items()}
    assert grid(corners).ranks() == grid(changed).ranks()


def test_distances_rank_the_other_way() -> None:
    study = grid({"a": [[0.3]], "b": [[0.1]]})
    assert list(study.ranks("igd+").mean) == list(study.ranks("hypervolume").mean) == ["b", "a"]


# ---------------------------------------------------------------------- the price of a backward pass


def descent(steps: list[tuple[int, int, float]], statement=KNOWN, status: str = "budget spent") -> Result:  # type: ignore[no-untyped-def]
    """A run from its snapshots (n_f, n_vjp, a), whose answer is (a, a); the last is the end."""
    n_f, n_vjp, a = zip(*steps, strict=True)
    history = History(
        [f + 2 * v for f, v in zip(n_f, n_vjp, strict=True)],
        list(n_f),
        list(n_vjp),
        [0.0] * len(a),
        [np.array([[x, x]]) for x in a],
    )
    last = (n_f[-1], n_vjp[-1])
    return made(
        [[a[-1]] * 2], history=history, n_f=last[0], n_vjp=last[1], statement=statement, status=status
    )


def priced(gradient: Result, random: Result) -> Study:
    study = study_of({"gradient": [0.1], "random": [0.1]})
    study.results = {("p", "gradient", 0): gradient, ("p", "random", 0): random}
    return study


def test_the_winner_may_depend_on_the_price() -> None:
    """At c = 2 both have spent 90: gradient 30 F and 30 backward passes. At c = 0 it is compared after 30 F,
    where random is at 0.5; at c = 1 after 60."""
    gradient = descent([(10, 10, 0.6), (20, 20, 0.45), (30, 30, 0.4)])
    random = descent([(30, 0, 0.5), (60, 0, 0.35), (90, 0, 0.3)])
    study = priced(gradient, random)
    table = study.sensitivity()
    assert table["c"].tolist() == [0, 0, 1, 1, 2, 2]
    assert table["budget"].tolist() == [30, 30, 60, 60, 90, 90]
    assert table["optimizer"].tolist() == ["gradient", "random", "random", "gradient", "random", "gradient"]
    assert table["hypervolume"].tolist()[:2] == pytest.approx([(1.1 - 0.4) ** 2, (1.1 - 0.5) ** 2])
    assert study.sentences()[-1] == (
        "p: which optimizer has the largest hypervolume depends on the price c of a backward pass: "
        "gradient at c = 0; random at c = 1, 2."
    )


def test_a_dearer_pass_cuts_the_gradient_short() -> None:
    """At c = 5 gradient's 30 and 30 are 180, random's 90 are 90: gradient is read at 60."""
    gradient = descent([(10, 10, 0.6), (20, 20, 0.45), (30, 30, 0.4)])
    table = priced(gradient, descent([(90, 0, 0.3)])).sensitivity([5]).set_index("optimizer")
    assert table.loc["gradient", "hypervolume"] == pytest.approx((1.1 - 0.6) ** 2)
    assert set(table["budget"]) == {90}


def test_the_same_winner_at_every_price_is_not_mentioned() -> None:
    study = priced(descent([(30, 30, 0.2)]), descent([(90, 0, 0.3)]))
    assert not any("price" in sentence for sentence in study.sentences())


def test_a_run_that_ended_by_itself_holds_nobody_back() -> None:
    study = priced(descent([(5, 5, 0.2)], status="converged"), descent([(30, 0, 0.5), (90, 0, 0.3)]))
    table = study.sensitivity([0, 2])
    assert set(table["budget"]) == {90}
    both = priced(*(descent([(n, 0, 0.2)], status="converged") for n in (5, 9)))
    assert set(both.sensitivity([0])["budget"]) == {9}


def test_before_its_first_answer_a_run_has_nothing() -> None:
    study = priced(descent([(30, 30, 0.2)]), descent([(10, 0, 0.5)]))
    assert study.sensitivity([0]).set_index("optimizer").loc["gradient", "hypervolume"] == 0.0


def test_the_number_of_objectives_is_among_the_prices() -> None:
    study = study_of({"a": [0.1]})
    space = Statement("space", ["f1", "f2", "f3"], ["x1"], [1.0] * 3)
    study.problems["q"] = space
    study.results["q", "a", 0] = made([[0.5, 0.5, 0.5]], statement=space)
    table = study.sensitivity()
    assert table[table["problem"] == "p"]["c"].tolist() == [0, 1, 2]
    assert table[table["problem"] == "q"]["c"].tolist() == [0, 1, 2, 3]


def test_who_has_no_run_is_in_no_ranking() -> None:
    study = study_of({"a": [0.1], "b": [0.2]})
    del study.results["p", "b", 0]
    assert study.sensitivity([0])["optimizer"].tolist() == ["a"]
    study.results.clear()
    assert len(study.sensitivity([0])) == 0


@pytest.mark.parametrize("wrong", [[-1], ["two"], [math.nan], [math.inf]])
def test_prices_that_make_no_sense_are_refused(wrong: list[object]) -> None:
    with pytest.raises(OptionError, match="give numbers >= 0"):
        study_of({"a": [0.1]}).sensitivity(wrong)  # type: ignore[arg-type]


def test_an_unknown_front_is_no_hindrance() -> None:
    study = priced(descent([(30, 30, 0.2)], UNKNOWN), descent([(90, 0, 0.3)], UNKNOWN))
    study.problems["p"] = UNKNOWN
    assert study.sensitivity([2])["optimizer"].tolist() == ["gradient", "random"]
