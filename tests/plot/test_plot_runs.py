"""Figures of one run from within, and of trained models."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from legibility import figure_of, legible
from matplotlib.figure import Figure

import moo
from moo.errors import OptionError
from moo.plot import (
    gradient_conflict,
    robustness,
)
from moo.result import Result


def entries(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


# ------------------------------------------------------------------ gradients


def gradients(m: int, k: int = 5, **changes: Any) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    found = {
        "cost": np.linspace(10, 500, k),
        "cosine": rng.uniform(-1, 1, (k, m, m)),
        "conflict": rng.random(k),
        "norm_ratio": 1 + rng.random(k),
        "weights": rng.random((k, m)),
    }
    return {**found, **changes}


@pytest.fixture(scope="module")
def descended() -> Result:
    return moo.solve(moo.problems.ZDT1(n_var=4), moo.GradientDescent(n=5), budget=1000)


def test_gradient_conflict_of_a_run(descended: Result) -> None:
    figure = gradient_conflict(descended)
    assert len(figure.axes) == 4
    cosine, conflict, ratio, weights = figure.axes
    drawn = descended.diagnostics
    np.testing.assert_allclose(np.asarray(cosine.lines[0].get_ydata()), drawn["cosine"][:, 0, 1])
    np.testing.assert_allclose(np.asarray(conflict.lines[0].get_ydata()), drawn["conflict"])
    np.testing.assert_allclose(np.asarray(ratio.lines[0].get_ydata()), drawn["norm_ratio"])
    assert [line.get_label() for line in weights.lines] == ["f1", "f2"]
    assert weights.get_xlabel() == "cost in F-equivalents (n_f + 2 n_vjp)"
    legible(figure)


@pytest.mark.parametrize("m", [1, 3, 5, 8])
def test_pairs_are_lines_until_there_are_many(descended: Result, m: int) -> None:
    names = [f"${i}_ objective" for i in range(m)]
    statement = replace(descended.problem, names=names, sign=[1.0] * m)
    result = replace(descended, diagnostics=gradients(m), problem=statement)
    figure = gradient_conflict(result)
    expected = {1: 0, 3: 3, 5: 1, 8: 1}[m]
    assert len(figure.axes[0].lines) == expected
    legible(figure)


def test_what_was_not_recorded_says_so(descended: Result) -> None:
    nan = np.full(5, np.nan)
    none = gradients(2, cosine=np.full((5, 2, 2), np.nan), conflict=nan, norm_ratio=nan)
    none["weights"] = np.full((5, 2), np.nan)
    figure = gradient_conflict(replace(descended, diagnostics=none))
    words = [ax.texts[0].get_text() for ax in figure.axes]
    assert words == ["not recorded"] * 3 + ["this method gives no weights"]
    legible(figure)
    legible(gradient_conflict(replace(descended, diagnostics=gradients(2, k=1))))
    vanished = gradients(2, norm_ratio=np.array([1.0, 1e3, 1e30, np.inf, np.nan]))
    assert gradient_conflict(replace(descended, diagnostics=vanished)).axes[2].get_ylim()[1] == 1e6


def test_a_run_without_gradients_is_refused(plane: Result) -> None:
    with pytest.raises(OptionError, match="NSGA2 has no gradient diagnostics"):
        gradient_conflict(plane)


# ------------------------------------------------------------------ robustness


def curve(models: int, shift: float = 0.0) -> pd.DataFrame:
    rows = [
        {
            "level": level,
            "model": m,
            "fused loss": level,
            "fused accuracy": 0.9 - 0.2 * level - 0.01 * m - shift,
        }
        | {"image accuracy": 0.5 - 0.01 * m}
        for level in (2.0, 0.0, 1.0)
        for m in range(models)
    ]
    return pd.DataFrame(rows)


def test_robustness_draws_medians_and_quartiles() -> None:
    ax = robustness({"noise": curve(5), "_blur $": curve(5, 0.1)}, figure="fused accuracy", xlabel="scale")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("scale", "fused accuracy")
    assert ax.get_title() == "median and quartiles of 5 models"
    line = ax.lines[0]
    assert np.asarray(line.get_xdata()).tolist() == [0, 1, 2]
    np.testing.assert_allclose(np.asarray(line.get_ydata()), [0.88, 0.68, 0.48])
    assert len(ax.collections) == 2
    assert entries(figure_of(ax)) == ["noise", r" _blur \$"]
    legible(figure_of(ax))


def test_one_frame_shows_its_figures_of_one_kind() -> None:
    ax = robustness(curve(1))
    assert entries(figure_of(ax)) == ["fused accuracy", "image accuracy"]
    assert (ax.get_ylabel(), ax.get_title()) == ("accuracy", "one model")
    assert len(ax.collections) == 0
    assert robustness({"noise": curve(2), "blur": curve(2)}).get_ylabel() == "fused accuracy"
    assert len(robustness(curve(2), figure="fused loss").lines) == 1


def test_retrained_models_have_intervals_of_their_mean() -> None:
    rows = [
        {
            "level": level,
            "figure": "accuracy",
            "mean": 0.9 - level,
            "low": 0.8 - level,
            "high": 1 - level,
            "n": 3,
        }
        for level in (0.0, 0.2)
    ]
    ax = robustness(pd.DataFrame(rows))
    assert ax.get_title() == "mean and 95 % interval, 3 seeds"
    np.testing.assert_allclose(np.asarray(ax.lines[0].get_ydata()), [0.9, 0.7])
    assert len(ax.collections) == 1
    single = pd.DataFrame(rows).assign(low=np.nan, high=np.nan, n=1)
    ax = robustness(single)
    assert (ax.get_title(), len(ax.collections)) == ("one seed", 0)
    legible(figure_of(ax))


def test_frames_of_something_else_are_refused() -> None:
    with pytest.raises(OptionError, match="at least one frame"):
        robustness({})
    with pytest.raises(OptionError, match="at least one frame"):
        robustness(curve(1).iloc[:0])
    with pytest.raises(OptionError, match="no column 'level'"):
        robustness(pd.DataFrame({"a": [1.0]}))
    with pytest.raises(OptionError, match="no figures"):
        robustness(pd.DataFrame({"level": [1.0], "model": [0]}))
    with pytest.raises(OptionError, match="did you mean 'fused accuracy'"):
        robustness(curve(1), figure="fused acuracy")
    with pytest.raises(OptionError, match="frame 'b' has no figure"):
        robustness({"a": curve(1), "b": curve(1).drop(columns="fused accuracy")})
