"""Names, labels, seeds and folder names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymoo.problems import get_problem

import moo
from moo.errors import OptionError, ProblemError
from moo.study.cells import Progress, named_optimizers, named_problems, numbered, seed_list, slugs


def test_one_problem_is_named_by_its_title() -> None:
    assert list(named_problems(moo.problems.ZDT1())) == ["ZDT1"]
    assert list(named_problems(get_problem("zdt1"))) == ["ZDT1"]


def test_problems_of_one_title_are_numbered() -> None:
    assert list(named_problems([moo.problems.ZDT1(), moo.problems.ZDT1(n_var=5)])) == ["ZDT1", "ZDT1 (2)"]
    assert numbered(["a", "a (2)", "a"]) == ["a", "a (2)", "a (3)"]


def test_a_mapping_keeps_its_names() -> None:
    assert list(named_problems({"mine": moo.problems.ZDT1()})) == ["mine"]


def test_one_optimizer_a_class_is_labelled_by_the_class() -> None:
    assert list(named_optimizers([moo.NSGA2(pop_size=50), moo.RandomSearch()])) == ["NSGA2", "RandomSearch"]
    assert list(named_optimizers(moo.NSGA2())) == ["NSGA2"]


def test_optimizers_that_share_a_class_show_what_differs() -> None:
    given = [moo.NSGA2(), moo.NSGA2(pop_size=50, mutation_prob=0.1), moo.NSGA2()]
    assert list(named_optimizers(given)) == ["NSGA2", "NSGA2(pop_size=50, mutation_prob=0.1)", "NSGA2 (2)"]


def test_labels_name_no_memory_and_stay_short() -> None:
    from pymoo.algorithms.moo.sms import SMSEMOA

    labels = list(
        named_optimizers(
            [
                moo.Pymoo(),
                moo.Pymoo(SMSEMOA()),
                moo.WeightedSum(weights=np.eye(2)),
                moo.WeightedSum(weights=[[i / 100, 1 - i / 100] for i in range(100)]),
            ]
        )
    )
    assert labels[:3] == [
        "Pymoo",
        "Pymoo(algorithm=SMSEMOA)",
        "WeightedSum(weights=[[1.0, 0.0], [0.0, 1.0]])",
    ]
    assert labels[3].endswith("...)")
    assert max(map(len, labels)) <= 72


@pytest.mark.parametrize("given", [[], {}])
def test_nothing_to_do_is_an_error(given: object) -> None:
    with pytest.raises(OptionError, match="at least one"):
        named_problems(given)
    with pytest.raises(OptionError, match="at least one"):
        named_optimizers(given)


def test_classes_in_place_of_objects_are_told_apart() -> None:
    with pytest.raises(ProblemError, match=r"ZDT1\(\)"):
        named_problems(moo.problems.ZDT1)
    with pytest.raises(OptionError, match=r"NSGA2\(\)"):
        named_optimizers({"a": moo.NSGA2})
    with pytest.raises(OptionError, match="optimizer 'nsga2'"):
        named_optimizers(["nsga2"])


def test_seeds() -> None:
    assert seed_list(3) == [0, 1, 2]
    assert seed_list([7, 2]) == [7, 2]
    assert seed_list(np.arange(2)) == [0, 1]  # type: ignore[arg-type]


@pytest.mark.parametrize("seeds", [0, -1, True, 1.5, "3", [], [1, 1], [-1], [0.5], None])
def test_bad_seeds(seeds: object) -> None:
    with pytest.raises(OptionError, match="is not accepted"):
        seed_list(seeds)  # type: ignore[arg-type]


@given(st.lists(st.text(), unique=True, max_size=6))
def test_slugs_are_safe_and_distinct(names: list[str]) -> None:
    safe = slugs(names)
    assert list(safe) == names
    assert len({slug.lower() for slug in safe.values()}) == len(names)
    for slug in safe.values():
        assert slug == slug.strip("-.")
        assert all(c.isascii() and (c.isalnum() or c in "._-") for c in slug)
        assert 0 < len(slug) < 80


def test_slugs_do_not_climb() -> None:
    assert slugs(["../../etc", "a/b", "A-B", "NSGA2(pop_size=50)"]) == {
        "../../etc": "etc",
        "a/b": "a-b",
        "A-B": "A-B-2",
        "NSGA2(pop_size=50)": "NSGA2-pop_size-50",
    }


def test_progress_counts_the_cell_at_work_until_it_is_done() -> None:
    assert Progress("p", "o", 0, done=1, total=4, share=0.5).fraction == 0.375
    assert Progress("p", "o", 0, done=2, total=4, share=0.0, outcome="converged").fraction == 0.5
