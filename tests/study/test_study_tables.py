"""The tables and sentences of studies whose numbers are known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu
from study_results import KNOWN, UNKNOWN, made, study_of

from moo.errors import OptionError
from moo.result import History, Statement
from moo.study import Failure, Study

GOOD = [0.10, 0.11, 0.12, 0.13, 0.14]
NEAR = [0.105, 0.115, 0.125, 0.135, 0.2]
POOR = [0.5, 0.51, 0.52, 0.53, 0.54]


def row(study: Study, optimizer: str, by: str = "answer") -> pd.Series:
    return study.table(by).set_index("optimizer").loc[optimizer]


def test_medians_and_quartiles_by_hand() -> None:
    found = row(study_of({"a": GOOD, "b": POOR}), "a")
    assert found["hypervolume"] == pytest.approx((1.1 - 0.12) ** 2)
    assert found["lower quartile"] == pytest.approx((1.1 - 0.13) ** 2)
    assert found["upper quartile"] == pytest.approx((1.1 - 0.11) ** 2)
    assert found["runs"] == 5
    assert found["status"] == "5 budget spent"
    assert found["normalisation"] == "known front"


def test_costs_in_f_equivalents() -> None:
    found = row(study_of({"a": GOOD}, n_f=100, n_vjp=7), "a")
    assert (found["n_f"], found["n_vjp"], found["cost"], found["seconds"]) == (100, 7, 114, 0.5)
    assert (found["points"], found["feasible"]) == (1, 1.0)


def test_p_is_scipys_against_the_best_and_corrected_by_holm() -> None:
    study = study_of({"near": NEAR, "best": GOOD, "poor": POOR})

    def volumes(corners: list[float]) -> np.ndarray:
        return (1.1 - np.array(corners)) ** 2

    near = mannwhitneyu(volumes(NEAR), volumes(GOOD)).pvalue
    assert row(study, "near")["p"] == pytest.approx(near)
    assert row(study, "near")["p (Holm)"] == pytest.approx(near)
    assert row(study, "poor")["p"] == pytest.approx(2 / 252)
    assert row(study, "poor")["p (Holm)"] == pytest.approx(3 * 2 / 252)  # near and poor are a pair too
    assert math.isnan(row(study, "best")["p"])
    verdicts = dict(zip(study.optimizers, study.table()["verdict"], strict=True))
    assert verdicts == {"near": "not distinguishable", "best": "best", "poor": "worse"}


def test_fewer_than_five_runs_tell_nothing() -> None:
    study = study_of({"a": GOOD[:4], "b": POOR[:4]})
    assert math.isnan(row(study, "b")["p"])
    assert row(study, "b")["verdict"] == "too few runs"
    assert study.sentences() == [
        f"p: a has the largest hypervolume, {(1.1 - 0.115) ** 2 + 0.005**2:.4g} (median of 4 runs); "
        "5 runs of each are needed to tell it from b (A12 1.00 [0.58, 1.00]).",
        "With 4 runs of an optimizer on a problem this is no ground for a claim: it takes 15.",
    ]


def test_one_optimizer_is_compared_with_nobody() -> None:
    study = study_of({"a": GOOD})
    assert row(study, "a")["verdict"] == ""
    assert study.sentences() == ["p: a reaches a hypervolume of 0.9604 (median of 5 runs)."]


def test_by_archive_judges_by_all_that_was_evaluated() -> None:
    study = study_of({"a": GOOD}, archive=[[0.1, 0.1]])
    for corner, seed in zip(POOR, range(5), strict=True):
        study.optimizers["grid"] = "grid()"
        study.results["p", "grid", seed] = made([[corner, corner]], archive=[[0.0, 0.0]])
    assert row(study, "a")["verdict"] == "best"
    assert row(study, "grid", by="archive")["verdict"] == "best"
    assert row(study, "grid", by="archive")["hypervolume"] == pytest.approx(1.21)
    assert row(study, "grid")["archive hypervolume"] == pytest.approx(1.21)
    assert row(study, "grid", by="archive")["answer hypervolume"] == pytest.approx((1.1 - 0.52) ** 2)
    with pytest.raises(OptionError, match="did you mean 'archive'"):
        study.table(by="archiv")


def test_failed_cells_are_shown_and_leave_the_medians_alone() -> None:
    study = study_of({"a": GOOD, "b": POOR})
    del study.results["p", "a", 4]
    study.failures["p", "a", 4] = Failure("out of memory", made([[0.0, 0.0]]))
    for seed in range(5):
        del study.results["p", "b", seed]
        study.failures["p", "b", seed] = Failure("b cannot")
    found = row(study, "a")
    assert (found["runs"], found["failed"], found["status"]) == (4, 1, "4 budget spent, 1 failed")
    assert found["hypervolume"] == pytest.approx(np.median([(1.1 - a) ** 2 for a in GOOD[:4]]))
    assert row(study, "b")["verdict"] == "failed"
    assert math.isnan(row(study, "b")["hypervolume"])
    sentence = study.sentences()[0]
    assert sentence.startswith("p: only a came to an end")
    assert sentence.endswith("Runs that failed: 1 of a, 5 of b.")
    assert "failed: p, a, seed 4: out of memory" in str(study)
    assert str(study).count("b cannot") == 1
    errors = study.runs().set_index(["optimizer", "seed"])["error"]
    assert errors["a", 4] == "out of memory"
    assert errors["a", 0] == ""


def test_an_interrupted_run_is_in_no_statistic() -> None:
    study = study_of({"a": [*GOOD, 0.0]})
    study.results["p", "a", 5].status = "interrupted"
    found = row(study, "a")
    assert (found["runs"], found["status"]) == (5, "5 budget spent, 1 interrupted")
    assert found["hypervolume"] == pytest.approx((1.1 - 0.12) ** 2)


def test_cells_that_were_not_reached_are_counted() -> None:
    study = study_of({"a": GOOD, "b": GOOD})
    for seed in range(5):
        del study.results["p", "b", seed]
    assert row(study, "b")["verdict"] == "not run"
    assert row(study, "b")["status"] == "5 not run"


def test_when_nobody_reaches_the_reference_point_nobody_wins() -> None:
    study = study_of({"a": [2.0] * 5, "b": [3.0] * 5})
    assert list(study.table()["verdict"]) == ["", ""]
    assert study.sentences() == ["p: no median answer is better than the reference point."]


def test_no_run_at_all() -> None:
    study = study_of({"a": GOOD})
    study.results.clear()
    assert study.sentences() == ["p: no run came to its end."]
    assert len(study.runs()) == 0
    assert list(study.to_pandas().columns) == ["problem", "optimizer", "seed"]


def test_the_sentence_names_winner_rivals_and_losers() -> None:
    p = row(study_of({"near": NEAR, "best": GOOD}), "near")["p"]
    assert study_of({"near": NEAR, "best": GOOD, "poor": POOR}).sentences() == [
        "p: best has the largest hypervolume, 0.9604 (median of 5 runs); not distinguishable: near "
        f"(p = {p:.2g}, A12 0.60 [0.27, 0.85]); smaller: poor (p = 0.024, A12 1.00 [0.64, 1.00]).",
        "With 5 runs of an optimizer on a problem this is no ground for a claim: it takes 15.",
    ]


def test_fifteen_runs_are_enough_for_a_claim() -> None:
    good = [0.1 + 0.001 * i for i in range(15)]
    said = study_of({"a": good, "b": [0.3 + x for x in good]}).sentences()
    assert len(said) == 1
    assert "smaller: b (p < 0.001" in said[0]


def test_all_indicators_of_both_views_are_in_the_table() -> None:
    found = row(study_of({"a": [0.1, 0.1]}, archive=[[0.1, 0.1], [0.0, 2.0]]), "a")
    assert found["epsilon"] == pytest.approx(0.1)
    assert found["igd+"] == pytest.approx(0.1)  # 0.1 in one objective from either end of the front
    assert found["r2"] == pytest.approx(0.1 * 0.75)  # mean of max(w, 1 - w)
    assert math.isnan(found["spacing"])
    assert found["archive r2"] < found["r2"]
    assert (found["outside"], found["archive outside"]) == (0, 1)
    assert (found["reference set"], found["reference point"], found["volume"]) == (
        "known front",
        1.1,
        "exact",
    )


def test_seven_objectives_are_said_to_be_approximate() -> None:
    study = study_of({"a": GOOD})
    many = Statement("many", [f"f{i}" for i in range(7)], ["x1"], [1.0] * 7, [0.0] * 7, [1.0] * 7)
    study.problems["q"] = many
    study.results["q", "a", 0] = made([[0.5] * 7], statement=many)
    assert list(study.table()["volume"]) == ["exact", "approximate"]
    text = str(study)
    assert "reference point 1.1 (p); 1.333, approximate (q); answers cut to 50 points" in text
    assert "reference set of q: what this study found (relative)" in text


def test_points_that_are_not_better_than_the_reference_point_are_counted() -> None:
    text = str(study_of({"a": GOOD, "b": [1.1, 1.2]}))
    assert "not strictly better than the reference point, counted as 0: 2 of b on p" in text
    assert "counted as 0" not in str(study_of({"a": GOOD}))


def test_the_table_at_a_budget_reads_the_runs_there() -> None:
    history = History(
        [10.0, 40.0], [10, 40], [0, 0], [0.1, 0.4], [np.array([[0.9, 0.9]]), np.array([[0.7, 0.7]])]
    )
    study = study_of({"a": GOOD}, history=history)
    at = study.table(at=40).iloc[0]
    assert at["hypervolume"] == pytest.approx((1.1 - 0.7) ** 2)
    assert (at["n_f"], at["cost"], at["seconds"]) == (40, 40, 0.4)
    assert study.table(at=39).iloc[0]["hypervolume"] == pytest.approx((1.1 - 0.9) ** 2)
    assert study.table(at=100).equals(study.table())
    for wrong in (0, -1.0, True, "10", math.nan):
        with pytest.raises(OptionError, match="give a budget in F-equivalents > 0"):
            study.table(at=wrong)


def test_relative_values_say_so() -> None:
    study = study_of({"a": GOOD, "b": POOR})
    study.problems["p"] = UNKNOWN
    assert set(study.table()["normalisation"]) == {"relative"}
    assert "relative to what this study found" in study.sentences()[0]


def test_str_shows_size_budget_and_table() -> None:
    text = str(study_of({"a": GOOD, "b": POOR}))
    assert text.startswith(
        "1 problem x 2 optimizers x 5 seeds, 100 F-equivalents (n_f + 2 n_vjp) each: complete"
    )
    assert "0.9604 [0.9409, 0.9801]" in text


def test_runs_has_a_row_a_cell() -> None:
    table = study_of({"a": GOOD, "b": POOR}).runs()
    assert len(table) == 10
    first = table.iloc[0]
    assert (first["problem"], first["optimizer"], first["seed"]) == ("p", "a", 0)
    assert first["hypervolume"] == pytest.approx(1.0)
    assert (first["status"], first["failed evaluations"], first["cost"]) == ("budget spent", 1, 100)


def test_the_long_form_has_the_users_sign_and_a_row_a_point() -> None:
    maximised = Statement("heater", ["gain", "cost"], ["x1"], [-1.0, 1.0])
    study = study_of({"a": [0.1]})
    study.problems["p"] = maximised
    study.results["p", "a", 0] = made([[-3.0, 1.0], [-4.0, 2.0]], statement=maximised)
    table = study.to_pandas()
    assert list(table.columns) == ["problem", "optimizer", "seed", "gain", "cost", "CV"]
    assert table["gain"].tolist() == [3.0, 4.0]
    assert "x1" in study.to_pandas(variables=True)


def test_an_objective_called_seed_does_not_hide_the_seed() -> None:
    named = Statement("p", ["seed", "cost"], ["x1"], [1.0, 1.0])
    study = study_of({"a": [0.1, 0.1]})
    study.results = {("p", "a", s): made([[0.3, 0.4]], statement=named) for s in (0, 1)}
    table = study.to_pandas()
    assert table["seed"].tolist() == [0, 1]
    assert table["seed (answer)"].tolist() == [0.3, 0.3]


def test_metrics_are_spread_over_rows_then_runs() -> None:
    study = study_of({"a": [0.1], "b": [0.2]})
    study.seeds = [0, 1]
    study.results["p", "a", 0] = made([[0.1, 0.1]], metrics={"accuracy": [0.2, 0.6, 0.9]})
    study.results["p", "a", 1] = made([[0.1, 0.1]], metrics={"accuracy": [0.4, 0.8, 1.0]})
    table = study.metrics_table()
    assert len(table) == 1
    found = table.iloc[0]
    assert (found["optimizer"], found["metric"], found["runs"]) == ("a", "accuracy", 2)
    assert found["least":"greatest"].tolist() == pytest.approx([0.3, 0.7, 0.95])  # type: ignore[misc]
    assert "0.7 [0.3, 0.95]" in str(study)
    assert len(study_of({"a": GOOD}).metrics_table()) == 0


def test_problems_of_different_sizes_share_the_tables() -> None:
    study = study_of({"a": GOOD})
    space = Statement("space", ["f1", "f2", "f3"], ["x1"], [1.0] * 3)
    study.problems["q"] = space
    study.results["q", "a", 0] = made([[1.0, 2.0, 3.0]], statement=space)
    assert len(study.table()) == 2
    assert study.to_pandas()["f3"].notna().sum() == 1
    assert KNOWN.names == ["f1", "f2"]
