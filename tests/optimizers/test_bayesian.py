"""Bayesian optimisation: the contract of an optimizer at its own scale, and that it pays."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from contracts.problems import CASES
from contracts.results import dominated, same_numbers

import moo
from moo.errors import MissingExtraError, OptionError, ProblemError

pytest.importorskip("optuna")

METHOD = moo.Bayesian(n_initial=8)


def first(x):
    return float(((x - 1.0) ** 2).sum())


def second(x):
    return float(((x + 1.0) ** 2).sum())


def plain(objective=first, **options):
    return moo.Problem(
        [objective, second], xl=[-2, -2], xu=[2, 2], backend="numpy", names=["a", "b"], **options
    )


@pytest.mark.parametrize("name", ["active constraint", "active bound", "equality"])
def test_the_contract(name):
    case = CASES[name]
    result, again = (moo.solve(case.make(), METHOD, budget=12, seed=1) for _ in range(2))
    assert same_numbers(result, again)
    assert result.cost.n_f == 12 == len(result.log["F"])
    assert (case.xl <= result.X).all()
    assert (case.xu >= result.X).all()
    assert pytest.approx(case.F(result.X)) == result.F
    assert not dominated(result.F).any()
    assert (case.violation(result.X)[result.CV <= 0] <= 1e-4).all()
    if case.easy:
        assert result.feasible


def test_a_model_is_worth_its_price():
    problem, reference = moo.problems.ZDT1(n_var=4), np.array([1.1, 1.1])
    model = moo.solve(problem, moo.Bayesian(), budget=40, seed=1).hypervolume(reference)
    others = [
        moo.solve(problem, method, budget=40, seed=seed).hypervolume(reference)
        for method in (moo.NSGA2(pop_size=10), moo.RandomSearch())
        for seed in range(3)
    ]
    assert model > 0.6 > max(others)


def test_mixtures_are_modelled_as_such():
    problem = moo.Problem(
        [lambda v: v["n"] + v["x"], lambda v: {"good": 0.0, "bad": 3.0}[v["kind"]] - v["n"] - 2 * v["on"]],
        variables={
            "n": moo.Integer(0, 3),
            "x": moo.Real(0, 1),
            "kind": moo.Choice(["bad", "good"]),
            "on": moo.Binary(),
        },
    )
    result = moo.solve(problem, METHOD, budget=24, seed=1)
    assert all(v["kind"] == "good" and v["on"] for v in result.variables)
    assert len({v["n"] for v in result.variables}) >= 3


def test_failed_candidates_are_kept_away_from():
    result = moo.solve(plain(lambda x: np.nan if x[0] > 0.5 else first(x)), METHOD, budget=20, seed=1)
    failed = np.isnan(result.log["F"]).any(axis=1)
    assert failed[8:].mean() < failed[:8].mean() + 0.3
    assert np.isfinite(result.F).all()


def test_where_nothing_works_it_samples_on():
    broken = plain(lambda x: np.nan)
    result = moo.solve(broken, METHOD, budget=15, seed=1)
    assert result.statuses["nan"] == 15


def test_it_resumes(tmp_path):
    def stop(share):
        if share > 0.6:
            raise KeyboardInterrupt

    undisturbed = moo.solve(plain(), METHOD, budget=14, seed=2)
    moo.solve(plain(), METHOD, budget=14, seed=2, out=tmp_path, progress=stop)
    resumed = moo.solve(plain(), METHOD, budget=14, seed=2, out=tmp_path, resume=True)
    assert same_numbers(resumed, undisturbed)


def test_it_ends_at_its_own_limit():
    result = moo.solve(plain(), moo.Bayesian(n_initial=8, max_evaluations=10), budget=1000, seed=1)
    assert (result.status, result.cost.n_f) == ("converged", 10)


def test_it_can_be_asked_and_compared():
    with moo.AskTell(plain(), METHOD) as loop:
        for _ in range(3):
            X = loop.ask()
            loop.tell(X, [[first(x), second(x)] for x in X])
        assert len(loop.result().log["F"]) == 10
    study = moo.compare({"p": plain()}, {"model": METHOD, "random": moo.RandomSearch()}, budget=12, seeds=1)
    assert len(study.table()) == 2


def test_what_it_cannot_do_is_said(monkeypatch):
    tour = moo.Problem([lambda v: 0.0, lambda v: 1.0], variables={"tour": moo.Permutation(4)})
    with pytest.raises(ProblemError, match="takes no permutations, and tour of Problem is one"):
        moo.solve(tour, METHOD, budget=10)
    with pytest.raises(ProblemError, match="needs finite bounds"):
        moo.solve(moo.Problem([first, second], n_var=2), METHOD, budget=10)
    with pytest.raises(OptionError, match="n_initial"):
        moo.Bayesian(n_initial=1)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'moo\[bayes\]'"):
        moo.solve(plain(), METHOD, budget=10)
