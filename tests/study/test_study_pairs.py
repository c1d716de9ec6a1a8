"""Every optimizer against every other: the tests, Holm over the whole study, effects, verdicts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, wilcoxon
from study_results import KNOWN, UNKNOWN, made, study_of

from moo.errors import OptionError
from moo.study import Failure, Study
from moo.study.pairs import View, overall_effect, pairs
from moo.study.statistics import holm

GOOD = [0.10, 0.11, 0.12, 0.13, 0.14]
NEAR = [0.105, 0.115, 0.125, 0.135, 0.2]
POOR = [0.5, 0.51, 0.52, 0.53, 0.54]


def two_problems(one: dict[str, list[float]], other: dict[str, list[float]]) -> Study:
    """A study of problems "p" and "q"."""
    study = study_of(one)
    study.problems["q"] = KNOWN
    for label, corners in other.items():
        for seed, a in enumerate(corners):
            study.results["q", label, seed] = made([[a, a]], seed=seed)
    return study


def test_every_pair_on_every_problem_has_a_row() -> None:
    table = two_problems({"a": GOOD, "b": NEAR, "c": POOR}, {"a": GOOD, "b": NEAR, "c": POOR}).pairs()
    assert table[["problem", "a", "b"]].to_numpy().tolist() == [
        ["p", "a", "b"], ["p", "a", "c"], ["p", "b", "c"], ["q", "a", "b"], ["q", "a", "c"], ["q", "b", "c"],
    ]  # fmt: skip


def test_holm_is_over_all_pairs_and_problems() -> None:
    one, other = {"a": GOOD, "b": NEAR, "c": POOR}, {"a": GOOD, "b": GOOD, "c": NEAR}
    table = two_problems(one, other).pairs()
    volumes = [{k: (1.1 - np.array(v)) ** 2 for k, v in corners.items()} for corners in (one, other)]
    p = [mannwhitneyu(v[a], v[b]).pvalue for v in volumes for a, b in ("ab", "ac", "bc")]
    assert table["p"].tolist() == pytest.approx(p)
    assert table["p (Holm)"].tolist() == pytest.approx(holm(p))
    assert table.loc[1, "p (Holm)"] == pytest.approx(6 * 2 / 252)


def test_effects_medians_and_verdicts_by_hand() -> None:
    first = study_of({"a": POOR, "b": GOOD}).pairs().iloc[0]
    assert (first["n a"], first["n b"]) == (5, 5)
    assert (first["median a"], first["median b"]) == pytest.approx(((1.1 - 0.52) ** 2, (1.1 - 0.12) ** 2))
    assert (first["A12"], first["lower"]) == (0.0, 0.0)
    assert 0.2 < first["upper"] < 0.5
    assert first["verdict"] == "b is better"
    assert study_of({"a": GOOD, "b": NEAR}).pairs().iloc[0]["verdict"] == "not distinguishable"
    assert study_of({"a": GOOD[:4], "b": POOR[:4]}).pairs().iloc[0]["verdict"] == "too few runs"


@pytest.mark.parametrize("indicator", ["igd+", "epsilon", "r2"])
def test_less_is_better_for_distances(indicator: str) -> None:
    first = study_of({"a": GOOD, "b": POOR}).pairs(indicator).iloc[0]
    assert first["median a"] < first["median b"]
    assert first["A12"] == 1.0
    assert first["verdict"] == "a is better"


def test_runs_without_a_feasible_answer_are_infinitely_far_and_count() -> None:
    study = study_of({"a": GOOD, "b": GOOD})
    for seed in range(5):
        study.results["p", "b", seed] = made([[0.1, 0.1]], CV=[1.0], archive=[])
    first = study.pairs("igd+").iloc[0]
    assert (first["n b"], first["median b"], first["A12"]) == (5, math.inf, 1.0)
    assert first["p"] == pytest.approx(mannwhitneyu([1, 2, 3, 4, 5], [6] * 5).pvalue)


def test_among_many_pairs_a_few_runs_tell_nothing() -> None:
    """Five runs that are all better have p = 2 / 252: enough alone, not among ten pairs."""
    alone = study_of({"a": GOOD, "b": POOR})
    assert alone.pairs()["verdict"].tolist() == ["a is better"]
    five = {label: [base + 0.01 * i for i in range(5)] for label, base in zip("abcde", range(5), strict=True)}
    among = study_of(five).pairs()
    assert set(among["verdict"]) == {"too few runs"}
    assert "6 runs of each, for 10 pairs, are needed to tell it from b" in study_of(five).sentences()[0]
    six = {
        label: [*corners, base + 0.05] for (label, corners), base in zip(five.items(), range(5), strict=True)
    }
    assert set(study_of(six).pairs()["verdict"]) >= {"a is better"}


def test_paired_runs_are_compared_seed_by_seed() -> None:
    a = [0.1, 0.2, 0.3, 0.4, 0.5]
    b = [x + 0.01 for x in a]
    assert study_of({"a": a, "b": b}).pairs().iloc[0]["p"] > 0.5
    study = study_of({"a": a, "b": b})
    paired = study.pairs(paired=True).iloc[0]
    assert paired["p"] == pytest.approx(wilcoxon(a, b).pvalue) == pytest.approx(2 / 32)
    del study.results["p", "b", 2]
    again = Study(**{n: getattr(study, n) for n in ("problems", "optimizers", "seeds", "budget", "results")})
    found = again.pairs(paired=True).iloc[0]
    assert (found["n a"], found["n b"], found["verdict"]) == (4, 4, "too few runs")


def test_who_is_better_of_pairs_is_told_by_their_differences() -> None:
    """b is better by a little in 14 of 15 pairs, a by far in one: A12 counts that one against all runs and
    is above 0.5 for a."""
    b = [0.3 + 0.02 * i for i in range(14)]
    a = [x + 0.001 for x in b]
    pair = pairs(study_of({"a": [*a, 0.1], "b": [*b, 0.9]}), View(paired=True))[0]
    assert pair.effect == pytest.approx((91 + 15 + 14) / 225)
    assert pair.better == pair.seen_from("b").better == "b"


def test_a_pair_seen_from_the_other_side() -> None:
    pair = pairs(study_of({"a": GOOD, "b": POOR[:5]}), View())[0]
    turned = pair.seen_from("b")
    assert (turned.a, turned.b, turned.effect, turned.high) == ("b", "a", 0.0, 1 - pair.low)
    assert (turned.median_a, turned.median_b) == (pair.median_b, pair.median_a)
    assert turned.better == pair.better == "a"
    assert pair.seen_from("a") is pair


def test_archives_budgets_and_cuts_have_tables_of_their_own() -> None:
    study = study_of({"a": GOOD, "b": POOR}, archive=[[0.1, 0.1]])
    assert study.pairs(by="archive").iloc[0]["A12"] == 0.5
    assert study.pairs(at=50).iloc[0]["median a"] == 0.0  # nothing was recorded so early
    assert study.pairs(cut="hypervolume").iloc[0]["A12"] == 1.0


def test_one_optimizer_has_no_pairs() -> None:
    table = study_of({"a": GOOD}).pairs()
    assert len(table) == 0
    assert "p (Holm)" in table


def test_an_optimizer_that_failed_everywhere_is_there_without_a_p() -> None:
    study = study_of({"a": GOOD, "b": POOR})
    for seed in range(5):
        study.failures["p", "b", seed] = Failure("killed", study.results.pop(("p", "b", seed)))
    first = study.pairs().iloc[0]
    assert (first["n a"], first["n b"], first["verdict"]) == (5, 0, "too few runs")
    assert math.isnan(first["A12"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"indicator": "igdplus"}, "did you mean 'igd\\+'"),
        ({"by": "archiv"}, "did you mean 'archive'"),
        ({"cut": "distanc"}, "did you mean 'distance'"),
        ({"at": -1}, "give a budget"),
    ],
)
def test_misspelt_views_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        View(**wrong)  # type: ignore[arg-type]


@given(order=st.permutations(range(5)))
@settings(max_examples=10, deadline=None)
def test_the_order_of_seeds_changes_nothing(order: list[int]) -> None:
    one = study_of({"a": NEAR, "b": POOR}).pairs()
    other = study_of({"a": [NEAR[i] for i in order], "b": POOR}).pairs()
    assert one.equals(other)


def test_the_overall_effect_is_the_mean_over_problems() -> None:
    study = two_problems({"a": GOOD, "b": POOR}, {"a": GOOD, "b": GOOD})
    mean, low, high = overall_effect(pairs(study, View()))
    assert mean == 0.75
    assert 0.5 < low < mean < high < 1


# ---------------------------------------------------------------------- the sentences on them

MANY = [0.1 + 0.001 * i for i in range(15)]
WORSE = [0.3 + 0.001 * i for i in range(15)]


def test_the_sentence_a_reader_needs() -> None:
    study = two_problems({"a": MANY, "b": WORSE}, {"a": MANY, "b": WORSE})
    study.problems["tied"] = KNOWN
    for seed, a in enumerate(MANY):
        study.results["tied", "a", seed] = study.results["tied", "b", seed] = made([[a, a]])
    said = study.sentences()
    effect = overall_effect(pairs(study, View()))
    assert said[0] == (
        "a is better than b on 2 of 3 problems at budget 100, p < 0.001 after Holm, "
        f"A12 0.83 [{effect[1]:.2f}, {effect[2]:.2f}], 15 runs each; no difference on tied."
    )
    assert len(said) == 4  # and one a problem


def test_the_leader_may_lose_somewhere() -> None:
    study = two_problems({"a": MANY, "b": WORSE}, {"a": MANY, "b": WORSE})
    study.problems["r"] = UNKNOWN
    for seed in range(15):
        study.results["r", "a", seed] = made([[WORSE[seed]] * 2], statement=UNKNOWN)
        study.results["r", "b", seed] = made([[MANY[seed]] * 2], statement=UNKNOWN)
    first = study.sentences()[0]
    assert first.startswith("a is better than b on 2 of 3 problems")
    assert first.endswith("15 runs each; worse on r; relative to what this study found on r.")


def test_no_difference_anywhere_is_no_win() -> None:
    said = two_problems({"a": GOOD, "b": NEAR}, {"a": GOOD, "b": NEAR}).sentences()
    assert said[0].startswith(
        "a ranks before b, but is told from it on none of 2 problems at budget 100, A12 0.60"
    )
    assert said[-1] == "With 5 runs of an optimizer on a problem this is no ground for a claim: it takes 15."


def test_one_run_of_each_is_said_in_the_singular() -> None:
    said = two_problems({"a": [0.1], "b": [0.2]}, {"a": [0.1], "b": [0.2]}).sentences()
    assert "one run each; too few runs to tell." in said[0]
    assert said[-1].startswith("With one run of an optimizer")


def test_runs_that_differ_in_number_are_said_as_a_range() -> None:
    study = two_problems({"a": MANY, "b": WORSE}, {"a": MANY, "b": WORSE[:12]})
    assert "12 to 15 runs each" in study.sentences()[0]
    assert study.sentences()[-1].startswith("With 12 runs")


def test_a_problem_on_which_one_optimizer_failed_is_not_compared() -> None:
    study = two_problems({"a": MANY, "b": WORSE}, {"a": MANY, "b": WORSE})
    for seed in range(15):
        study.failures["q", "b", seed] = Failure("killed", study.results.pop(("q", "b", seed)))
    said = study.sentences()
    assert said[0].startswith("a is better than b on 1 of 1 problem at budget 100")
    assert "Runs that failed: 15 of b." in said[2]
