"""Figures: labelled axes, one legend, the user's signs, and nothing left behind."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import moo
from moo.errors import OptionError
from moo.plot import Band, convergence, front, styles
from moo.result import Cost, History, Result
from moo.study import Study
from moo.study.figures import bands_of
from moo.study.quality import Scale


def gain(x):  # type: ignore[no-untyped-def]
    return x[0] * x[1]


def cost(x):  # type: ignore[no-untyped-def]
    return x[0] ** 2 + x[1] ** 2


HEATER = moo.Problem([gain, cost], xl=[0, 0], xu=[2, 2], directions=["max", "min"], title="a heater")


@pytest.fixture(scope="module")
def heater() -> Result:
    return moo.solve(HEATER, moo.NSGA2(pop_size=20), budget=200)


@pytest.fixture(scope="module")
def study() -> Study:
    return moo.compare(
        [moo.problems.ZDT1(n_var=4), moo.problems.DTLZ2(), HEATER],
        [moo.NSGA2(pop_size=20), moo.RandomSearch(batch_size=20), moo.WeightedSum(n=5)],
        budget=200,
        seeds=3,
    )


def figure_of(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def entries(figure: Figure) -> list[str]:
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes)]
    found = [legend for legend in legends if legend is not None]
    assert len(found) == 1, "a figure has one legend"
    return [text.get_text() for text in found[0].get_texts()]


def drawn(figure: Figure) -> None:
    """Drawing must succeed and leave nothing outside the figure."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=50)
    assert len(file.getvalue()) > 1000
    legend = figure.legends[0]
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width


def offsets(ax: Axes) -> np.ndarray:
    return np.concatenate([np.asarray(c.get_offsets()) for c in ax.collections if len(c.get_offsets())])


def test_the_front_has_names_signs_and_a_legend(heater: Result) -> None:
    ax = front({"NSGA-II": heater})
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("gain (max)", "cost")
    assert entries(figure_of(ax)) == ["NSGA-II"]
    assert ax.get_title() == "a heater"
    np.testing.assert_allclose(offsets(ax), heater.values)
    assert (offsets(ax)[:, 0] >= 0).all()
    drawn(figure_of(ax))


def test_results_plot_themselves(heater: Result) -> None:
    assert entries(figure_of(heater.plot())) == ["NSGA2"]


def test_the_users_axes_are_drawn_on(heater: Result) -> None:
    figure = Figure()
    ax = figure.add_subplot()
    assert front({"a": heater, "b": heater}, ax) is ax
    assert entries(figure) == ["a", "b"]
    assert ax.get_title() == ""
    assert heater.plot(ax) is ax


def test_the_known_front_is_grey_and_in_the_legend() -> None:
    ax = front({"a": moo.solve(moo.problems.ZDT3(), moo.RandomSearch(), budget=100)})
    assert entries(figure_of(ax)) == ["known front", "a"]
    red, green, blue, _ = ax.collections[0].get_facecolor()[0]
    assert red == green == blue


def test_infeasible_points_are_hollow(heater: Result) -> None:
    CV = np.zeros(len(heater.F))
    CV[:3] = 1.0
    ax = front({"a": replace(heater, CV=CV)})
    assert entries(figure_of(ax)) == ["a", "a (infeasible)"]
    filled, hollow = ax.collections
    assert len(hollow.get_offsets()) == 3
    assert len(hollow.get_facecolor()) == 0
    assert len(filled.get_facecolor()) > 0


def test_three_objectives_are_a_space() -> None:
    result = moo.solve(moo.problems.DTLZ2(), moo.NSGA2(pop_size=20), budget=100)
    ax = front({"a": result})
    assert ax.name == "3d"
    assert (ax.get_xlabel(), ax.get_zlabel()) == ("f1", "f3")  # type: ignore[attr-defined]
    drawn(figure_of(ax))
    with pytest.raises(OptionError, match="projection"):
        front({"a": result}, Figure().add_subplot())


@pytest.mark.parametrize("n_obj", [4, 6])
def test_many_objectives_are_parallel_coordinates(n_obj: int) -> None:
    problem = moo.problems.DTLZ2(n_var=n_obj + 4, n_obj=n_obj)
    result = moo.solve(problem, moo.NSGA2(pop_size=20), budget=100)
    ax = front({"a": result, "b": replace(result, CV=np.ones(len(result.CV)))})
    ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert [tick.split("\n")[0] for tick in ticks] == [f"f{i + 1}" for i in range(n_obj)]
    assert entries(figure_of(ax)) == ["known front", "a", "b (infeasible)"]
    drawn(figure_of(ax))


def test_parallel_coordinates_without_any_point() -> None:
    problem = moo.problems.DTLZ2(n_var=8, n_obj=4)
    result = moo.solve(problem, moo.RandomSearch(), budget=10)
    none = replace(result, F=np.empty((0, 4)), X=np.empty((0, 8)), CV=np.empty(0))
    none.problem = replace(result.problem, front=None)
    assert front({"a": none}).get_xticklabels()


def test_one_objective_is_a_strip(heater: Result) -> None:
    statement = replace(heater.problem, names=["cost"], sign=[1.0], front=[[0.0]])
    one = replace(heater, F=heater.F[:, 1:], problem=statement)
    ax = front({"a": one, "b": one})
    assert ax.get_ylabel() == "cost"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]


def test_nothing_or_two_problems_are_refused(heater: Result) -> None:
    with pytest.raises(OptionError, match="at least one"):
        front({})
    with pytest.raises(OptionError, match="at least one"):
        convergence({})
    other = moo.solve(moo.problems.ZDT1(), moo.RandomSearch(), budget=10)
    with pytest.raises(OptionError, match="one problem"):
        front({"a": heater, "b": other})


def test_styles_are_distinct_and_do_not_rest_on_colour_alone() -> None:
    looks = list(styles(map(str, range(40))).values())
    assert len(set(looks)) == 40
    assert len({to_hex(look.color) for look in looks[:8]}) == 8
    assert len({look.marker for look in looks[:8]}) == 8


def test_long_labels_stay_inside_the_figure(heater: Result) -> None:
    labels = [f"an optimizer with a rather long label, number {i}" for i in range(6)]
    drawn(figure_of(front(dict.fromkeys(labels, heater))))


def test_convergence_draws_medians_and_quartiles() -> None:
    cost_axis = np.array([10.0, 20.0, 30.0])
    band = Band(cost_axis, np.zeros(3), np.array([0.1, 0.2, 0.3]), np.ones(3))
    ax = convergence({"a": band, "b": band}, xlabel="cost", ylabel="quality")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("cost", "quality")
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), band.median)
    assert len(ax.collections) == 2
    assert entries(figure_of(ax)) == ["a", "b"]


def test_bands_hold_each_value_until_the_next(heater: Result) -> None:
    """Two runs with single points (a, a): hypervolumes (1.1 - a)^2 at the costs where they change."""

    def run(costs: list[float], corners: list[float]) -> Result:
        history = History(cost=costs[:-1], fronts=[np.full((1, 2), a) for a in corners[:-1]])
        F = np.full((1, 2), corners[-1])
        spent = Cost(int(costs[-1]), 0, 0.0, 2.0)
        return replace(heater, F=F, CV=np.zeros(1), history=history, cost=spent)

    runs = {0: run([10, 30], [0.6, 0.1]), 1: run([20, 40], [1.1, 0.6])}
    band = bands_of({"a": runs}, Scale(np.zeros(2), np.ones(2), relative=False), k=5)["a"]
    assert band.cost.tolist() == [20, 30, 40]
    np.testing.assert_allclose(band.median, [(0.25 + 0) / 2, (1 + 0) / 2, (1 + 0.25) / 2], atol=1e-12)
    np.testing.assert_allclose(band.high, [0.1875, 0.75, 0.8125], atol=1e-12)


def test_a_study_draws_fronts_and_convergence(study: Study) -> None:
    figure = study.plot()
    assert len(figure.axes) == 6
    assert [ax.get_title() for ax in figure.axes[:2]] == [
        "ZDT1: median run of 3",
        "ZDT1: median and quartiles of 3 runs",
    ]
    assert figure.axes[1].get_xlabel() == "cost in F-equivalents (n_f + 2 n_vjp)"
    assert figure.axes[1].get_ylabel() == "hypervolume of the answer (50 points)"
    assert "relative" in figure.axes[5].get_ylabel()
    assert figure.axes[4].get_xlabel() == "gain (max)"
    assert entries(figure) == ["known front", *study.optimizers]
    drawn(figure)


def test_a_study_draws_one_problem(study: Study) -> None:
    assert len(study.plot("DTLZ2").axes) == 2
    with pytest.raises(OptionError, match="did you mean 'ZDT1'"):
        study.plot("ZDT11")


def test_the_median_run_is_the_one_drawn(study: Study) -> None:
    values = {s: study.qualities["ZDT1", "NSGA2", s].hypervolume for s in study.seeds}
    middle = sorted(values, key=lambda seed: values[seed])[1]
    expected = study.results["ZDT1", "NSGA2", middle].values
    ax = study.plot_front("ZDT1")
    np.testing.assert_allclose(np.asarray(ax.collections[1].get_offsets()), expected)


def test_convergence_ends_at_the_tables_median(study: Study) -> None:
    ax = study.plot_convergence("ZDT1")
    table = study.table().set_index(["problem", "optimizer"])["hypervolume"]
    for line, optimizer in zip(ax.lines, study.optimizers, strict=True):
        assert line.get_ydata()[-1] == pytest.approx(table["ZDT1", optimizer])  # type: ignore[index]


def test_study_figures_on_the_users_axes(study: Study) -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert study.plot_front("ZDT1", left) is left
    assert study.plot_convergence("ZDT1", right) is right
    assert left.get_legend() is not None
    assert figure.legends == []


def test_colours_belong_to_optimizers_even_where_one_failed(study: Study) -> None:
    left = {key: r for key, r in study.results.items() if key[:2] != ("ZDT1", "NSGA2")}
    less = replace(study, results=left)
    ax = less.plot_convergence("ZDT1")
    assert [line.get_color() for line in ax.lines] == [s.color for s in styles(study.optimizers).values()][1:]


def test_a_problem_without_results_says_so(study: Study) -> None:
    less = replace(study, results={key: r for key, r in study.results.items() if key[0] != "ZDT1"})
    assert less.plot_front("ZDT1").get_title() == "ZDT1: no run has a result"
    assert less.plot_convergence("ZDT1").get_title() == "ZDT1: no run has a result"
    drawn(less.plot())


def test_figures_are_saved_for_problems_with_results(study: Study, tmp_path: Path) -> None:
    written = study.save_figures(tmp_path)
    assert [path.name for path in written[:2]] == ["front-ZDT1.png", "convergence-ZDT1.png"]
    assert len(written) == 10
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)


def test_drawing_touches_no_global_state(heater: Result) -> None:
    before = dict(mpl.rcParams)
    front({"a": heater})
    assert dict(mpl.rcParams) == before
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []
