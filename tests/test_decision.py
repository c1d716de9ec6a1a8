"""Deciding: each rule against an independent computation, and what must hold for all fronts."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import moo
from moo import decision, indicators
from moo.archive import Archive
from moo.errors import OptionError
from moo.result import Cost, History, Result, Statement

CORNER = np.array([[0.0, 1.0], [0.1, 0.5], [0.2, 0.2], [0.5, 0.1], [1.0, 0.0]])


def made(F, CV=None, sign=(1.0, 1.0), names=("cost", "error"), X=None, var_names=("x1",)):
    """A result of given numbers, in minimised form."""
    F = np.asarray(F, dtype=float)
    empty = np.empty((len(F), 0))
    return Result(
        X=np.arange(len(F), dtype=float)[:, None] if X is None else np.asarray(X, dtype=float),
        F=F,
        G=empty,
        H=empty,
        CV=np.zeros(len(F)) if CV is None else np.asarray(CV, dtype=float),
        weights=None,
        metrics={},
        archive=Archive.of(np.zeros((len(F), 1)), F),
        log={},
        history=History(),
        cost=Cost(10, 5, 0.5, 2.0),
        statuses={"ok": 10},
        status="budget spent",
        problem=Statement("made", list(names), list(var_names), list(sign)),
        optimizer="NSGA2()",
        seed=0,
    )


RULES = {
    "trade-off": decision.knee,
    "topsis": decision.topsis,
    "pseudo-weights": decision.pseudo_weights,
    "lexicographic": partial(decision.lexicographic, order=["f2"], tolerance=0.1),
    "lexicographic, strict": partial(decision.lexicographic, order=["f1"]),
    "bounds": partial(decision.bounds, limits={"f1": (None, 1e9)}),
}
IN_THE_PLANE = RULES | {
    "bend": partial(decision.knee, by="bend"),
    "angle": partial(decision.knee, by="angle"),
    "achievement": partial(decision.achievement, reference_point=[0.3, 0.2]),
}


def sets(n_obj, least=1):
    """Any rows, duplicates and dominated ones among them, on a grid so that ties are common."""
    rows = st.tuples(st.integers(least, 12), st.just(n_obj))
    return rows.flatmap(lambda shape: hnp.arrays(float, shape, elements=st.integers(0, 8).map(float)))


# ---------------------------------------------------------------------- what holds for every rule


@pytest.mark.parametrize("rule", IN_THE_PLANE.values(), ids=IN_THE_PLANE)
@given(F=sets(2))
def test_the_choice_and_the_runner_up_are_nondominated_and_different(rule, F):
    choice = rule(F)
    mask = indicators.nondominated(F)
    assert mask[choice.row]
    if mask.sum() == 1:
        assert choice.runner_up is None
    else:
        assert mask[choice.runner_up]
        assert choice.runner_up != choice.row


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@given(F=sets(3), data=st.data())
def test_the_order_of_the_rows_does_not_matter(rule, F, data):
    order = data.draw(st.permutations(range(len(F))))
    here, there = rule(F), rule(F[order])
    assert (here.f, here.runner_up_f, here.why) == (there.f, there.runner_up_f, there.why)


@pytest.mark.parametrize(
    "name", [name for name in IN_THE_PLANE if name not in ("achievement", "bounds", "topsis")]
)
@given(F=sets(2), scale=st.tuples(*[st.floats(1e-3, 1e3)] * 2), shift=st.tuples(*[st.integers(-9, 9)] * 2))
def test_units_and_zeros_of_the_objectives_do_not_matter(name, F, scale, shift):
    rule = IN_THE_PLANE[name]
    assert rule(F).row == rule(F * scale + shift).row


@given(F=sets(3), scale=st.tuples(*[st.floats(1e-3, 1e3)] * 3))
def test_units_do_not_matter_to_topsis(F, scale):
    assert decision.topsis(F).row == decision.topsis(F * scale).row


@given(
    F=sets(2), z=st.tuples(*[st.integers(-1, 9)] * 2), scale=st.floats(1e-3, 1e3), shift=st.integers(-9, 9)
)
def test_a_reference_point_moves_with_the_units(F, z, scale, shift):
    moved = decision.achievement(F * scale + shift, np.array(z) * scale + shift)
    assert moved.row == decision.achievement(F, z).row


@pytest.mark.parametrize("rule", [decision.knee, decision.topsis, decision.pseudo_weights])
def test_a_maximised_objective_is_decided_like_its_negative(rule):
    maximised = rule(made(CORNER, sign=(1.0, -1.0)))  # F is minimised all the same
    assert maximised.row == rule(made(CORNER)).row
    assert maximised.f["error"] == -rule(made(CORNER)).f["error"]


def test_infeasible_nan_and_dominated_rows_and_duplicates_are_never_chosen():
    F = [
        [np.nan, 0.0],
        [0.0, 0.0],
        [0.3, 0.3],
        [0.2, 0.2],
        [0.2, 0.2],
        [0.0, 1.0],
        [1.0, 0.0],
        [-np.inf, 5.0],
    ]
    result = made(F, CV=[0, 1, 0, 0, 0, 0, 0, 0])
    for rule in (decision.knee, decision.topsis, decision.pseudo_weights):
        choice = rule(result)
        assert choice.row == 3
        assert choice.runner_up in (5, 6)


def test_one_point_is_the_choice_and_has_no_runner_up():
    choice = decision.knee(made([[2.0, 3.0]]))
    assert (choice.row, choice.runner_up, choice.runner_up_f) == (0, None, None)
    assert "only point" in choice.why
    assert "runner-up" not in str(choice)


@pytest.mark.parametrize(
    ("rule", "without"),
    [
        (decision.knee, decision.knee),
        (decision.pseudo_weights, decision.pseudo_weights),
        (
            partial(decision.achievement, reference_point=[0, 9, 0]),
            partial(decision.achievement, reference_point=[0, 0]),
        ),
        (partial(decision.lexicographic, order=["f2", "f3"]), partial(decision.lexicographic, order=["f2"])),
    ],
    ids=["knee", "pseudo-weights", "achievement", "lexicographic"],
)
def test_an_objective_that_is_flat_but_for_rounding_has_no_say(rule, without):
    flat = 7.0 + 1e-15 * np.arange(5)[::-1]
    F = np.c_[CORNER[:, 0], np.full(5, 7.0), CORNER[:, 1]]
    assert rule(F).row == without(CORNER).row
    if "order" not in getattr(rule, "keywords", {}):
        assert rule(np.c_[CORNER[:, 0], flat, CORNER[:, 1]]).row == without(CORNER).row


def test_a_choice_names_everything():
    choice = decision.topsis(made(CORNER, sign=(1.0, -1.0), X=CORNER, var_names=("a", "b")))
    assert choice.f == {"cost": 0.2, "error": -0.2}
    assert choice.x == {"a": 0.2, "b": 0.2}
    text = str(choice)
    assert text.startswith(
        "TOPSIS with equal weights: row 2\n  cost = 0.2, error = -0.2\n  a = 0.2, b = 0.2\n"
    )
    assert f"runner-up: row {choice.runner_up}" in text


def test_variables_of_other_kinds_are_in_the_users_values():
    def size(x):
        return x["layers"]

    def error(x):
        return 1.0 / x["layers"] + (x["kind"] == "b")

    problem = moo.Problem(
        [size, error], variables={"layers": moo.Integer(1, 8), "kind": moo.Choice(["a", "b"])}
    )
    result = moo.solve(problem, moo.NSGA2(pop_size=16), budget=160)
    choice = decision.lexicographic(result, ["error"])
    assert choice.x == {"layers": 8, "kind": "a"}


def test_many_variables_are_cut_short_in_the_text():
    choice = decision.topsis(made(CORNER, X=np.zeros((5, 40)), var_names=[f"x{i}" for i in range(40)]))
    assert "(40 in all)" in str(choice)
    assert len(choice.x) == 40


# ---------------------------------------------------------------------- knees


def test_the_corner_of_a_front_is_its_knee_by_every_measure():
    for by in ("trade-off", "bend", "angle"):
        assert decision.knee(CORNER, by).row == 2


def test_the_bend_angle_is_that_of_the_paper():
    choice = decision.knee(CORNER, "bend")  # at (0.2, 0.2): arctan(0.8 / 0.2) - arctan(0.2 / 0.8)
    assert f"bends by {np.degrees(np.arctan(4) - np.arctan(0.25)):.4g}°" in choice.why


def test_the_angle_is_the_widest_of_four():
    choice = decision.knee(CORNER, "angle")
    left, right = CORNER[:2] - CORNER[2], CORNER[3:] - CORNER[2]
    between = [
        np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))) for a in left for b in right
    ]
    assert f"angle of {360 - min(between):.4g}°" in choice.why


@given(F=sets(3, least=3), power=st.sampled_from([0.5, 1.0, 2.0]))
def test_trade_off_knees_are_among_pymoos_high_trade_off_points(F, power):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pymoo.mcdm.high_tradeoff import HighTradeoffPoints

        Z = (F[indicators.nondominated(F)] / 8.0) ** power
        low, high = Z.min(axis=0), Z.max(axis=0)
        if len(Z) < 3 or (high <= low).any():
            return
        Z = (Z - low) / (high - low)
        found = HighTradeoffPoints()(Z)
    mu = decision.knees.trade_offs(Z)
    best = mu[decision.knee(Z).row]
    assert best == pytest.approx(mu.max())
    if found is not None:
        assert best == pytest.approx(max(mu[found]))


def test_the_knee_of_the_convex_unit_square_front_is_where_the_slope_is_one():
    t = np.linspace(0, 1, 401)
    assert decision.knee(np.c_[t, 1 - np.sqrt(t)]).f["f1"] == pytest.approx(0.25, abs=0.01)


def test_two_points_have_no_inner_point_to_bend():
    choice = decision.knee([[0.0, 1.0], [1.0, 0.0]], "bend")
    assert "two ends" in choice.why
    assert "tie" in choice.why


@pytest.mark.parametrize(
    ("F", "by", "message"),
    [
        (CORNER, "bent", "unknown knee 'bent': did you mean 'bend'"),
        (np.eye(3), "bend", "there are 3: give by='trade-off'"),
        ([[1.0], [2.0]], "trade-off", "there is only 'f1'"),
    ],
)
def test_what_has_no_knee(F, by, message):
    with pytest.raises(OptionError, match=message):
        decision.knee(F, by)


# ---------------------------------------------------------------------- weights


def test_topsis_of_a_case_worked_by_hand():
    # costs (3, 4) and (4, 3), norms 5 and 5: V = w * (0.6, 0.8), w * (0.8, 0.6); with w = (3/4, 1/4)
    # row 0 has d+ = 0.05, d- = 0.15 and so a closeness of 0.75
    choice = decision.topsis([[3.0, 4.0], [4.0, 3.0]], [3, 1])
    assert choice.row == 0
    assert "is 0.75; at the runner-up 0.25" in choice.why
    assert choice.rule == "TOPSIS with weights (0.75, 0.25)"


def test_weights_by_name_and_in_order_are_the_same():
    result = made(CORNER)
    by_name = decision.topsis(result, {"error": 1, "cost": 3})
    assert by_name == decision.topsis(result, [3, 1])


@given(F=sets(3, least=2), w=st.tuples(*[st.integers(1, 9)] * 3))
def test_pseudo_weights_are_pymoos(F, w):
    from pymoo.mcdm.pseudo_weights import PseudoWeights

    front = F[indicators.nondominated(F)]
    if (front.max(axis=0) <= front.min(axis=0)).any():
        return
    wanted = np.array(w) / sum(w)
    row, pseudo = PseudoWeights(wanted)(front, return_pseudo_weights=True)
    ours = decision.pseudo_weights(front, w).row
    assert np.abs(pseudo[ours] - wanted).sum() == pytest.approx(np.abs(pseudo[row] - wanted).sum())


def test_an_ideal_and_a_nadir_point_set_the_range():
    result = made([[0.0, 0.5], [0.4, 0.3], [0.5, 0.0]])
    free = decision.pseudo_weights(result, [0.3, 0.7])
    held = decision.pseudo_weights(result, [0.3, 0.7], ideal=[0, 0], nadir={"cost": 0.5, "error": 2.0})
    assert free.why != held.why


def test_an_ideal_point_beyond_the_nadir_is_refused():
    result = made(CORNER - [0, 1], sign=(1.0, -1.0), names=("cost", "accuracy"))
    decision.knee(result, ideal=[0, 1], nadir=[1, 0])
    with pytest.raises(OptionError, match="worse than the nadir point in 'accuracy'"):
        decision.knee(result, ideal=[0, 0], nadir=[1, 1])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, -1], "give numbers >= 0"),
        ([0, 0], "at least one above 0"),
        ([1, 2, 3], "one number for each of"),
        (["a", "b"], "one number for each of"),
        ({"cost": 1, "eror": 2}, "did you mean 'error'"),
        ({"cost": 1}, "says nothing of 'error'"),
        ([np.nan, 1], "one number for each of"),
    ],
)
def test_weights_that_cannot_be_used(weights, message):
    for rule in (decision.topsis, decision.pseudo_weights):
        with pytest.raises(OptionError, match=message):
            rule(made(CORNER), weights)


# ---------------------------------------------------------------------- reference points


@given(F=sets(3), z=st.tuples(*[st.integers(-1, 9)] * 3))
def test_achievement_minimises_the_augmented_function(F, z):
    front = np.unique(F[indicators.nondominated(F)], axis=0)
    span = front.max(axis=0) - front.min(axis=0)
    shares = np.where(span > 0, (front - z) / np.where(span > 0, span, 1.0), 0.0)
    value = shares.max(axis=1) + 1e-4 * shares.sum(axis=1)
    chosen = decision.achievement(F, z)
    place = np.flatnonzero((front == list(chosen.f.values())).all(axis=1))[0]
    assert value[place] == pytest.approx(value.min(), abs=1e-9)


def test_a_reference_point_is_in_the_users_sign():
    result = made(CORNER * [1, 1] - [0, 1], sign=(1.0, -1.0), names=("cost", "accuracy"))
    choice = decision.achievement(result, {"cost": 0.25, "accuracy": 0.7})
    assert choice.f == {"cost": 0.2, "accuracy": pytest.approx(0.8)}
    assert choice.rule == "achievement of (0.25, 0.7)"
    assert "met in every objective, with least to spare in cost, 5.00%" in choice.why


def test_a_reference_point_out_of_reach_says_by_how_much():
    choice = decision.achievement(CORNER, [0.0, 0.0])
    assert "missed most in f1, by 20.00% of the range" in choice.why


# ---------------------------------------------------------------------- order of importance


def test_the_strict_order_takes_the_best_of_the_first():
    assert decision.lexicographic(CORNER, ["f2"]).row == 4
    assert decision.lexicographic(CORNER, ["f1", "f2"]).row == 0
    assert decision.lexicographic(CORNER, ["f2"]).runner_up == 3


def test_a_tolerance_lets_the_next_objective_decide():
    choice = decision.lexicographic(CORNER, ["f2"], tolerance=0.2)
    assert choice.row == 2  # 0.2 is 20 % of the range from the best, and f1 is least there
    assert "f1 decides between 3 points that are good enough in f2" in choice.why
    assert decision.lexicographic(CORNER, ["f2"], tolerance={"f2": 0.1}).row == 3


@pytest.mark.parametrize(
    ("order", "tolerance", "message"),
    [
        (["f9"], 0.0, "unknown objective 'f9'"),
        ([], 0.0, "name at least one objective"),
        (["f1", "f1"], 0.0, "none twice"),
        (["f1"], 1.5, "from 0 to 1"),
        (["f1"], {"g": 0.1}, "unknown objective 'g'"),
    ],
)
def test_orders_that_cannot_be_used(order, tolerance, message):
    with pytest.raises(OptionError, match=message):
        decision.lexicographic(CORNER, order, tolerance)


# ---------------------------------------------------------------------- bounds


@given(F=sets(2), low=st.integers(0, 8), high=st.integers(0, 8))
def test_a_bounded_choice_is_within_and_the_best_there(F, low, high):
    limits = {"f1": (min(low, high), max(low, high))}
    front = F[indicators.nondominated(F)]
    inside = front[(front[:, 0] >= limits["f1"][0]) & (front[:, 0] <= limits["f1"][1])]
    if len(inside) == 0:
        with pytest.raises(OptionError, match="no point is within"):
            decision.bounds(F, limits)
        return
    assert decision.bounds(F, limits).f == decision.topsis(inside).f


def test_limits_are_in_the_users_sign_and_in_the_rules_name():
    result = made(CORNER * [1, 1] - [0, 1], sign=(1.0, -1.0), names=("cost", "accuracy"))
    choice = decision.bounds(result, {"accuracy": (0.9, None)}, decision.lexicographic, order=["cost"])
    assert choice.row == 3
    assert choice.rule == "lexicographic order cost, accuracy within accuracy >= 0.9"


def test_limits_nothing_meets_say_what_there_is():
    with pytest.raises(OptionError, match=r"no point is within cost <= -1: the answer has cost from 0 to 1$"):
        decision.bounds(made(CORNER), {"cost": (None, -1)})


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"csot": (0, 1)}, "did you mean 'cost'"),
        ({"cost": 5}, r"give \(low, high\)"),
        ({"cost": (2, 1)}, "expected numbers, low <= high"),
        ({"cost": ("a", 1)}, "expected numbers, low <= high"),
        ({"cost": (np.nan, 1)}, "expected numbers, low <= high"),
    ],
)
def test_limits_that_cannot_be_used(limits, message):
    with pytest.raises(OptionError, match=message):
        decision.topsis(made(CORNER), within=limits)


def test_a_rule_that_is_none():
    with pytest.raises(OptionError, match="give a rule, for example"):
        decision.bounds(CORNER, {"f1": (0, 1)}, "knee")


# ---------------------------------------------------------------------- nothing to choose


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (made(CORNER, CV=[3, 2, 5, 4, 9]), r"none of the 5 rows is feasible \(the least .* is 2\)"),
        (made(np.full((2, 2), np.nan)), "none of the 2 rows has finite objectives"),
        (made(np.empty((0, 2))), "the answer has no rows"),
        ("a front", "str is not accepted: give a Result"),
        (np.zeros(4), "give a Result, or F as an array"),
        ([["a", "b"]], "give a Result, or F as an array"),
        ([[1.0, 2.0], [3.0]], "give a Result, or F as an array"),
    ],
)
def test_where_there_is_nothing_to_choose(result, message):
    with pytest.raises(OptionError, match=message):
        decision.knee(result)


# ---------------------------------------------------------------------- several runs


def test_runs_are_pooled_and_the_origin_of_a_row_is_known():
    runs = {"a": made(CORNER[:2] + 0.1), "b": made(CORNER[2:])}
    pooled = decision.pool(runs)
    choice = decision.knee(pooled.result)
    assert pooled.origins[choice.row] == ("b", 0)
    assert choice.f == {"cost": 0.2, "error": 0.2}
    assert len(pooled.result.F) == len(pooled.origins) == 5


def test_what_cannot_be_pooled():
    with pytest.raises(OptionError, match="no run has an answer"):
        decision.pool({})
    with pytest.raises(OptionError, match="runs of one problem can be pooled"):
        decision.pool({"a": made(CORNER), "b": made(CORNER, names=("cost", "time"))})


def test_a_choice_in_a_notebook_is_escaped():
    choice = decision.knee(made(CORNER, names=("<b>cost</b>", "error")))
    assert "<b>" not in choice._repr_html_()
    assert "&lt;b&gt;cost" in choice._repr_html_()
