"""Methods at equal settings: what is counted, what is written, and what the sentence says."""

import copy
import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel

from moo.aggregation.mgda import MGDA
from moo.errors import OptionError, ProblemError, StorageError
from moo.multimodal import ImageTextProblem, WeightSearch, search_weights
from moo.multimodal.comparison import BASELINE, METHODS, MethodComparison, compare_methods, methods_for
from moo.multimodal.tasks.image_text import ImageText
from moo.study.statistics import holm

FIVE = [0.5, 0.6, 0.55, 0.5, 0.6]


@pytest.fixture(scope="module")
def task(data):
    return ImageText(data, hidden=None, width=3, batch_size=16)


@pytest.fixture(scope="module")
def comparison(task):
    return compare_methods(task, n=16, steps=15, seeds=3)


def altered(comparison, changes):
    """The same searches with other test figures, a list a method."""
    searches = {}
    for name, values in changes.items():
        search = comparison.searches[name]
        tested = search.tested.iloc[[0] * len(values)].assign(**{"test fused accuracy": values})
        searches[name] = dataclasses.replace(search, tested=tested)
    return dataclasses.replace(comparison, searches=searches)


class TestCompareMethods:
    def test_every_method_that_suits_is_there(self, comparison):
        assert list(comparison.searches) == list(METHODS)

    def test_every_method_gets_the_same_number_of_settings(self, comparison):
        for search in comparison.searches.values():
            assert len(search.settings) == 16
            assert len(search.X) == 48
            assert len(search.tested) == 3

    def test_a_problem_without_a_fused_loss_is_not_balanced(self, problem):
        assert "MMPareto" not in methods_for(problem)
        assert "MGDA" in methods_for(problem)

    def test_without_minibatches_there_is_no_modality_dropout(self, data):
        assert "modality dropout" not in methods_for(ImageText(data, batch_size=None))

    def test_takes_aggregators_and_functions_of_ones_own(self, task):
        mine = {"mine": MGDA(), "random": lambda task, **options: search_weights(task, "random", **options)}
        made = compare_methods(task, mine, n=16, steps=3, seeds=1)
        assert list(made.searches) == [BASELINE, "mine", "random"]

    def test_writes_each_search_as_it_ends(self, task, tmp_path):
        seen = []

        def progress(name, done, of):
            seen.append((name, done, of, sorted(path.name for path in (tmp_path / "out").iterdir())))

        options = {"n": 16, "steps": 3, "out": tmp_path / "out"}
        made = compare_methods(task, ["MGDA"], seeds=2, progress=progress, **options)
        assert seen[0] == (BASELINE, 1, 2, ["weighted-sum"])
        assert seen[1] == ("MGDA", 2, 2, ["mgda", "weighted-sum"])
        np.testing.assert_array_equal(WeightSearch.load(tmp_path / "out" / "mgda").X, made.searches["MGDA"].X)
        written = pd.read_csv(tmp_path / "out" / "methods.csv", index_col="method")
        pd.testing.assert_frame_equal(written, made.table, check_names=False)
        with pytest.raises(StorageError, match="already holds files"):
            compare_methods(task, ["MGDA"], **options)

    @pytest.mark.parametrize(("at", "finished"), [(5, []), (40, [BASELINE]), (75, [BASELINE, "MGDA"])])
    def test_ctrl_c_keeps_what_was_finished_and_what_was_not(self, task, tmp_path, at, finished):
        stopped, calls = copy.copy(task), itertools.count(1)

        def objectives(*args, **kwargs):
            if next(calls) == at:
                raise KeyboardInterrupt
            return task.objectives(*args, **kwargs)

        stopped.objectives = objectives
        methods = ["MGDA", "Gradient-Blending"]
        made = compare_methods(stopped, methods, n=16, steps=15, seeds=2, out=tmp_path / "out")
        assert made.interrupted
        assert list(made.searches) == finished
        assert list(made.table.index) == finished
        left = {path.name for path in (tmp_path / "out").iterdir()}
        assert {name.replace(" ", "-").lower() for name in (*finished, *made.unfinished)} <= left
        assert len(made.unfinished) == (0 if at == 75 else 1)  # the estimate of weights is no search yet
        assert ("interrupted before" in str(made)) == (not finished)

    def test_a_misspelling_is_named(self, task):
        with pytest.raises(OptionError, match="did you mean 'MMPareto'"):
            compare_methods(task, ["MMparto"])

    def test_a_method_that_does_not_suit_says_so(self, problem):
        problem.chosen_by = "text accuracy"
        with pytest.raises(ProblemError, match="a balancing of modalities is for a task with a 'fused loss'"):
            compare_methods(problem, ["MMPareto"], n=12, steps=2, seeds=1)

    def test_needs_test_samples(self, data):
        task = ImageTextProblem(data, batch_size=16)
        del task.heldout["test"]
        with pytest.raises(ProblemError, match="ImageTextProblem has no held-out samples 'test'"):
            compare_methods(task)


class TestTable:
    def test_differences_are_paired_by_seed(self, comparison):
        table = comparison.table
        base, other = (comparison.searches[n].tested["test fused accuracy"] for n in (BASELINE, "MGDA"))
        assert table.loc["MGDA", "difference"] == pytest.approx((other - base).mean())
        assert table.loc["MGDA", "test"] == pytest.approx(other.mean())
        assert table.loc[BASELINE, "difference"] == 0.0

    def test_p_is_of_the_paired_t_test_after_holm(self, comparison):
        made = altered(
            comparison,
            {BASELINE: FIVE, "MGDA": [0.6, 0.71, 0.64, 0.6, 0.7], "FAMO": [0.5, 0.58, 0.57, 0.5, 0.6]},
        )
        others = ([0.6, 0.71, 0.64, 0.6, 0.7], [0.5, 0.58, 0.57, 0.5, 0.6])
        expected = holm([float(ttest_rel(x, FIVE).pvalue) for x in others])
        np.testing.assert_allclose(made.table["p"].iloc[1:], expected)

    def test_reads_well(self, comparison):
        text = str(comparison)
        assert "less the weighted sum's [95 %]" in text
        assert text.endswith(comparison.sentence)


class TestSentence:
    def test_says_who_is_better_and_who_worse(self, comparison):
        made = altered(
            comparison,
            {
                BASELINE: FIVE,
                "MGDA": [0.6, 0.701, 0.651, 0.61, 0.7],
                "FAMO": [0.4, 0.501, 0.451, 0.41, 0.5],
                "UPGrad": [0.51, 0.58, 0.57, 0.5, 0.6],
            },
        )
        assert made.sentence == (
            "on ImageText, test fused accuracy, 5 seeds: MGDA beats the tuned weighted sum (p < 0.05 after "
            "Holm); FAMO stays behind it"
        )
        turned = dataclasses.replace(made, larger=False)
        assert "FAMO beat" in turned.sentence

    def test_says_when_none_is(self, comparison):
        same = altered(comparison, {BASELINE: FIVE, "MGDA": FIVE})
        assert "no method beats the tuned weighted sum" in same.sentence
        assert same.table.loc["MGDA", "p"] == 1.0

    def test_few_seeds_say_nothing(self, comparison):
        few = altered(comparison, {BASELINE: FIVE[:4], "MGDA": [0.9] * 4})
        assert "4 seeds: fewer than 5 tell no method from another" in few.sentence
        assert np.isnan(few.table.loc["MGDA", "p"])

    def test_a_method_that_diverged_everywhere_has_no_figures(self, comparison):
        gone = dataclasses.replace(comparison.searches["MGDA"], chosen=None)
        made = MethodComparison("T", "fused accuracy", True, {**comparison.searches, "MGDA": gone})
        assert np.isnan(made.table.loc["MGDA", "test"])
        assert "MGDA" in str(made)
