"""What a result says of its constraints."""

from __future__ import annotations

import numpy as np
import pytest

import moo
from moo.constraints import Constraint, sentences, standings


def cost(x):
    return (x**2).sum()


def error(x):
    return ((x - 2.0) ** 2).sum()


def near(x):
    """Binds on the whole front."""
    return 0.5 - x[0] + x[1]


def far(x):
    """Room of at least 8."""
    return x[0] + x[1] - 12.0


def solved(method=None, inequality=(near, far), **options):
    problem = moo.Problem([cost, error], xl=[-2, -2], xu=[2, 2], inequality=list(inequality), **options)
    return moo.solve(problem, method or moo.NSGA2(pop_size=40), budget=4000, seed=1)


@pytest.mark.parametrize(
    "method", [moo.NSGA2(pop_size=40), moo.WeightedSum(n=10)], ids=["NSGA2", "WeightedSum"]
)
def test_binding_constraints_and_slack_are_found(method):
    result = solved(method)
    table = result.constraints().set_index("constraint")
    assert table.loc["near <= 0", "binds"] > 0.2 * len(result.F)
    assert table.loc["far <= 0", "binds"] == 0
    assert table.loc["far <= 0", "slack"] == pytest.approx((12 - result.X.sum(axis=1)).min())
    assert (table["miss"] == 0).all()
    assert f"binding: near at {table.loc['near <= 0', 'binds']} of {len(result.F)} points" in str(result)
    assert "never reached: far by" in str(result)


def test_what_the_best_infeasible_point_misses_is_said():
    def impossible(x):
        return 1.0 + (x**2).sum()

    result = solved(inequality=[impossible, far])
    table = result.constraints().set_index("constraint")
    assert table.loc["impossible <= 0", "miss"] == pytest.approx(1.0, abs=0.01)
    assert np.isnan(table.loc["impossible <= 0", "slack"])
    assert table.loc["far <= 0", "miss"] == 0
    assert "the least violating candidate misses impossible by 1" in str(result)


def test_equalities_bind_where_they_hold():
    result = solved(moo.WeightedSum(n=6), inequality=(), equality=[near])
    (row,) = result.constraints().to_dict("records")
    assert row["constraint"] == "near = 0"
    assert row["binds"] == (np.abs(result.H[:, 0]) <= 1e-4).sum() > 0


def test_constraints_without_names_are_numbered():
    result = solved(inequality=[lambda x: near(x), lambda x: far(x)])
    assert result.constraints()["constraint"].tolist() == ["g1 <= 0", "g2 <= 0"]


def test_they_are_saved_and_loaded(tmp_path):
    result = solved()
    loaded = moo.Result.load(result.save(tmp_path))
    assert loaded.constraints().equals(result.constraints())
    assert str(loaded) == str(result)


def test_without_constraints_nothing_is_said():
    result = solved(inequality=())
    assert result.constraints().empty
    assert "binding" not in str(result)


def test_standings_by_hand():
    stated = [Constraint("g", "<= 0", 0.1), Constraint("h", "= 0", 0.1)]
    G, H = np.array([[-1.0], [0.05], [2.0]]), np.array([[0.0], [-0.05], [0.5]])
    room = np.array([3.0])
    g, h = standings(stated, G, H, np.array([0.0, 0.0, 2.3]), room)
    assert (g.binds, g.slack, g.miss) == (1, 0.0, 0.0)
    assert (h.binds, h.slack, h.miss) == (2, 0.0, 0.0)
    (worse, _) = standings(stated, G[2:], H[2:], np.array([2.3]), room)
    assert worse.miss == pytest.approx(1.9)
    assert np.isnan(worse.slack)
    assert sentences([g, h], 3, feasible=True) == ["binding: g at 1 of 3 points, h at 2 of 3 points"]
    assert standings(stated, G[:0], H[:0], np.empty(0), room) == []
