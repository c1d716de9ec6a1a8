"""Runtimes to targets, ERT, ECDF and the area under it, against logs made and counted by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_results import KNOWN, UNKNOWN, made, study_of

from moo import indicators
from moo.errors import OptionError
from moo.result import History, Result, Statement
from moo.study import Failure, Study
from moo.study.quality import Scale
from moo.study.runtimes import hits
from moo.study.targets import area, expected_runtime, gaps, simulated_restarts

# The front of KNOWN is (0, 1), (1, 0): its hypervolume below (1.1, 1.1) is 2 x 1.1 x 0.1 - 0.1^2 = 0.21.
# A point (a, a) with a <= 1 alone has (1.1 - a)^2: 0.01 at a = 1, a gap of 20/21.
REFERENCE = 0.21
SOLVED = 1.1 - math.sqrt(0.21)  # where (a, a) is worth as much as the front


def a_for(gap: float) -> float:
    """The a for which (a, a) misses the reference by this gap."""
    return 1.1 - math.sqrt((1 - gap) * REFERENCE)


def run(steps: Sequence[tuple[float, float]], spent: int, **more: object) -> Result:
    """A run that at each cost evaluated (a, a), from a list of (cost, a)."""
    result = made([[steps[-1][1]] * 2] if steps else [], n_f=spent, **more)  # type: ignore[arg-type]
    a = np.array([a for _, a in steps])
    log = {"F": np.column_stack([a, a]), "CV": np.zeros(len(a)), "cost": np.array([c for c, _ in steps])}
    result.log = {name: np.asarray(values, dtype=float) for name, values in log.items()}
    return result


def study_with(runs: dict[str, list[Result | Failure]]) -> Study:
    study = study_of({label: [0.5] * len(of) for label, of in runs.items()})
    for label, of in runs.items():
        for seed, outcome in enumerate(of):
            if isinstance(outcome, Failure):
                del study.results["p", label, seed]
                study.failures["p", label, seed] = outcome
            else:
                study.results["p", label, seed] = outcome
    return study


SCALE = Scale.of(KNOWN, [])

# ---------------------------------------------------------------------- targets of one run


def test_gaps_are_ten_a_decade_from_1_to_1e_5() -> None:
    assert len(gaps()) == 51
    assert gaps()[[0, 10, 50]] == pytest.approx([1, 0.1, 1e-5])
    assert gaps(6) == pytest.approx([1, 0.1, 0.01, 1e-3, 1e-4, 1e-5])
    assert gaps([0.01, 0.5, 0.5]).tolist() == [0.5, 0.01]
    assert gaps(1).tolist() == [1e-5]


@pytest.mark.parametrize("wrong", [0, -3, True, 2.5, [], [0.0], [2.0], "many", [math.nan]])
def test_gaps_that_make_no_sense_are_refused(wrong: object) -> None:
    with pytest.raises(OptionError, match="relative gaps in \\(0, 1\\]"):
        gaps(wrong)  # type: ignore[arg-type]


def test_runtimes_of_a_log_by_hand() -> None:
    result = run([(5, 2.0), (10, a_for(0.5)), (20, a_for(0.05)), (30, a_for(0.2)), (40, SOLVED)], 50)
    found = hits(result, SCALE, np.array([1.0, 0.5, 0.2, 0.05, 0.01, 1e-5]))
    # at cost 5 the point is outside the reference point, which a gap of 1 does not take for reached
    assert found.tolist() == [10, 10, 20, 20, 40, 40]


def test_a_target_that_was_not_reached_is_infinitely_late() -> None:
    assert hits(run([(5, 0.9)], 10), SCALE, np.array([0.9, 1e-5])).tolist() == [5, math.inf]
    assert hits(run([(5, 3.0)], 10), SCALE, np.array([1.0])).tolist() == [math.inf]
    assert hits(run([], 10), SCALE, np.array([1.0])).tolist() == [math.inf]


def test_infeasible_and_failed_rows_reach_nothing() -> None:
    result = run([(1, 0.0), (2, 0.0), (3, SOLVED - 0.1)], 10)
    result.log["CV"][0] = 1.0
    result.log["F"][1] = [math.nan, -math.inf]
    assert hits(result, SCALE, np.array([1.0, 0.01])).tolist() == [3, 3]


def test_points_add_up_to_the_target() -> None:
    """Each end of the front is worth 0.11, both 0.21."""
    result = run([(1, 1.0)], 10)
    result.log = {
        "F": np.array([[0.0, 1.0], [1.0, 0.0]]),
        "CV": np.zeros(2),
        "cost": np.array([3.0, 7.0]),
    }
    assert hits(result, SCALE, np.array([0.5, 0.4, 1e-5])).tolist() == [3, 7, 7]


def _statement(m: int) -> Statement:
    return Statement("p", [f"f{i}" for i in range(m)], ["x1"], [1.0] * m, [0.0] * m, [1.0] * m)


@settings(max_examples=25, deadline=None)
@given(m=st.integers(2, 4), n=st.integers(1, 30), seed=st.integers(0, 2**32 - 1))
def test_runtimes_are_those_of_the_hypervolume_after_every_batch(m: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    F, cost = rng.random((n, m)) * 1.3, np.cumsum(rng.integers(0, 3, size=n)) + 1.0
    result = made(F[:1], archive=F[moocore.is_nondominated(F)], statement=_statement(m))  # type: ignore[arg-type]
    result.log = {"F": F, "CV": np.zeros(n), "cost": cost}
    scale, wanted = Scale.of(_statement(m), [result]), gaps(15)
    ref = indicators.reference_point(m)
    expected = []
    for volume in (1 - wanted) * scale.reference_hypervolume:
        late = [
            c
            for c in np.unique(cost)
            if (v := indicators.hypervolume(F[cost <= c], ref)) > 0 and v >= volume * (1 - 1e-9)
        ]
        expected.append(min(late, default=math.inf) if scale.reference_hypervolume > 0 else math.inf)
    assert hits(result, scale, wanted).tolist() == expected


def test_many_objectives_by_samples_agree_with_the_exact_hypervolume(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    F = rng.random((300, 4)) ** 0.5
    result = made(F[:1], archive=F[moocore.is_nondominated(F)], statement=_statement(4))  # type: ignore[arg-type]
    result.log = {"F": F, "CV": np.zeros(300), "cost": np.arange(1.0, 301)}
    scale, wanted = Scale.of(_statement(4), [result]), np.array([1.0, 0.5, 0.3, 0.1])
    exact = hits(result, scale, wanted)
    monkeypatch.setattr("moo.study.runtimes._SAMPLED_FROM", 4)
    assert hits(result, scale, wanted) == pytest.approx(exact, rel=0.05)


def test_runs_on_minibatches_are_read_from_their_answers() -> None:
    history = History([10.0], [10], [0], [0.1], [np.array([[a_for(0.5)] * 2])])
    result = made([[SOLVED - 0.01] * 2], archive=[], history=history, n_f=30)
    result.log = {"F": np.zeros((3, 2)), "CV": np.zeros(3), "cost": np.arange(3.0)}
    assert hits(result, SCALE, np.array([0.5, 0.01])).tolist() == [10, 30]


# ---------------------------------------------------------------------- all runs


def test_the_table_of_targets_censors_and_drops_nothing() -> None:
    runs = [
        run([(10, SOLVED)], 100),
        run([(40, a_for(0.5))], 60, status="interrupted"),
        Failure("killed", run([(1, SOLVED)], 30)),
        Failure("lost"),
    ]
    table = study_with({"a": runs}).targets([0.5, 0.01]).set_index(["seed", "gap"])
    assert table["reached"].tolist() == [True, True, True, False, False, False, False, False]
    # the failed run spent 30; the lost one is charged with its whole budget
    assert table["cost"].tolist() == [10, 10, 40, 60, 30, 30, 100, 100]
    assert table["ended"].tolist()[::2] == ["budget spent", "interrupted", "failed", "failed"]
    assert table.loc[(0, 0.5), "hypervolume"] == pytest.approx(0.105)


def test_cells_that_were_not_begun_are_no_runs() -> None:
    study = study_with({"a": [run([(10, SOLVED)], 100)] * 2})
    del study.results["p", "a", 1]
    assert study.ert([0.5])["runs"].tolist() == [1]


def test_targets_of_an_unknown_front_refer_to_the_union() -> None:
    study = study_with({"a": [run([(10, 0.5), (20, 0.1)], 100)], "b": [run([(5, 1.0)], 100)]})
    study.problems["p"] = UNKNOWN
    table = study.ert([1e-5]).set_index("optimizer")["ert"]
    assert table.to_dict() == {"a": 20, "b": math.inf}


# ---------------------------------------------------------------------- ERT


def test_the_expected_runtime_by_hand() -> None:
    """Reached at 10 and 30, once in vain for 100: (10 + 30 + 100) / 2."""
    reached = np.array([[10.0, math.inf], [30.0, math.inf], [math.inf, math.inf]])
    assert expected_runtime(reached, np.array([50.0, 50.0, 100.0])).tolist() == [70, math.inf]


def test_ert_of_a_study() -> None:
    runs = [run([(10, SOLVED)], 100), run([(30, a_for(0.5))], 100), Failure("killed", run([], 20))]
    table = study_with({"a": runs}).ert([0.5, 0.01])
    assert table["ert"].tolist() == [(10 + 30 + 20) / 2, 10 + 100 + 20]
    assert table["successes"].tolist() == [2, 1]
    assert table["runs"].tolist() == [3, 3]


# ---------------------------------------------------------------------- ECDF


def test_the_ecdf_of_runs_that_succeed_is_their_own() -> None:
    """Runtimes 10, 30 to the first target and 20, 30 to the second."""
    runs = [run([(10, a_for(0.5)), (20, SOLVED)], 100), run([(30, SOLVED)], 100)]
    cost, share = study_with({"a": runs}).ecdf(targets=[0.5, 0.01])["a"]
    assert cost.tolist() == [0, 10, 20, 30]
    assert share == pytest.approx([0, 0.25, 0.5, 1.0])


def test_the_ecdf_with_restarts_by_hand() -> None:
    """One run reaches the target at 10, the other spends 100 in vain: a restarted one needs 10, 110, 210 ...
    with probability 1/2, 1/4, 1/8 ..."""
    runs: list[Result | Failure] = [run([(10, SOLVED)], 100), run([(50, 0.9)], 100)]
    cost, share = study_with({"a": runs}).ecdf(targets=[0.01])["a"]
    assert set((cost[1:] % 100).tolist()) == {10}
    assert share[1] == 0.5  # exactly: every run is the first equally often
    assert share[cost == 110] == pytest.approx(0.75, abs=0.08)
    assert share[-1] == pytest.approx(1.0)


def test_a_target_nobody_reached_keeps_its_share_empty() -> None:
    cost, share = study_with({"a": [run([(10, a_for(0.5))], 100)]}).ecdf(targets=[0.5, 0.01])["a"]
    assert cost.tolist() == [0, 10]
    assert share.tolist() == [0, 0.5]


def test_problems_weigh_the_same_in_the_ecdf() -> None:
    study = study_with({"a": [run([(10, SOLVED)], 100), run([(20, SOLVED)], 100)]})
    study.problems["q"] = KNOWN
    study.results["q", "a", 0] = run([(40, SOLVED)], 100)
    cost, share = study.ecdf(targets=[0.01])["a"]
    assert cost.tolist() == [0, 10, 20, 40]
    assert share == pytest.approx([0, 0.25, 0.5, 1])
    assert study.ecdf("q", targets=[0.01])["a"][0].tolist() == [0, 40]
    with pytest.raises(OptionError, match="did you mean 'q'"):
        study.ecdf("qq")


def test_an_optimizer_without_runs_has_reached_nothing() -> None:
    study = study_with({"a": [run([(10, SOLVED)], 100)], "b": [Failure("killed")]})
    study.optimizers["c"] = "c()"
    curves = study.ecdf(targets=[0.01])
    assert [curve[0].tolist() for curve in curves.values()] == [[0, 10], [0], [0]]
    areas = study.areas(targets=[0.01]).set_index("optimizer")
    assert areas.loc["c", "area":"runs"].tolist() == [0, 0, 0, 0]  # type: ignore[misc]
    assert areas.loc["b", "runs"] == 1


def test_restarts_draw_from_the_pool_alone() -> None:
    reached, spent = np.array([[math.inf], [7.0], [1.0]]), np.array([100.0, 100.0, 100.0])
    first, pool = np.zeros((1, 50), dtype=int), np.array([[0, 1]])
    times = simulated_restarts(reached, spent, first, pool, np.random.default_rng(0))
    assert set((times.ravel() % 100).tolist()) == {7}
    hopeless = simulated_restarts(reached, spent, first, np.array([[0]]), np.random.default_rng(0))
    assert np.isinf(hopeless).all()


# ---------------------------------------------------------------------- area under the ECDF


def test_the_area_by_hand() -> None:
    """Over log cost from 1 to 100: reached at 10 leaves half, at 1 all, at 100 and later nothing."""
    assert area(np.array([10.0]), 100.0) == pytest.approx(0.5)
    assert area(np.array([[1.0, 10.0, 100.0, math.inf], [1.0] * 4]), 100.0).tolist() == pytest.approx(
        [0.375, 1]
    )


def test_the_area_is_that_under_the_curve() -> None:
    runs = [run([(10, a_for(0.5)), (20, SOLVED)], 100), run([(30, a_for(0.5))], 100)]
    study = study_with({"a": runs})
    cost, share = study.ecdf(targets=[0.5, 0.01])["a"]
    edges = np.log(np.clip(np.append(cost, 100.0), 1.0, 100.0))
    under = float((np.diff(edges) * share).sum() / math.log(100))
    found = study.areas(targets=[0.5, 0.01]).iloc[0]
    assert found["area"] == pytest.approx(under)
    assert found["lower"] <= found["area"] <= found["upper"]
    assert found["lower"] < found["upper"]
    assert (found["runs"], found["reached"]) == (2, 0.75)


@given(order=st.permutations(range(4)))
@settings(max_examples=10, deadline=None)
def test_the_order_of_seeds_changes_nothing(order: list[int]) -> None:
    runs = [run([(10 * (i + 1), SOLVED)], 100) for i in range(4)]
    one, other = study_with({"a": list(runs)}), study_with({"a": [runs[i] for i in order]})
    assert one.areas()["area"].iloc[0] == pytest.approx(other.areas()["area"].iloc[0])
    assert one.ert()["ert"].tolist() == pytest.approx(other.ert()["ert"].tolist())
    assert one.ecdf()["a"][1] == pytest.approx(other.ecdf()["a"][1])


def test_the_same_study_gives_the_same_figures() -> None:
    runs = [run([(10, SOLVED)], 100), run([(50, 0.9)], 100)]
    one, other = (study_with({"a": list(runs)}) for _ in range(2))
    assert one.areas().equals(other.areas())
