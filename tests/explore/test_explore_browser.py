"""The interactive page in a browser: what people do with it, and what it must never do."""

from __future__ import annotations

import csv
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from explore_made import plane, result, sphere, study

import moo
from moo.explore import explore
from moo.explore.server import serving
from moo.result import Result

if not os.environ.get("MOO_REQUIRE_BROWSER"):  # where it is set their absence is an error
    pytest.importorskip("selenium", reason="selenium is not installed: pip install selenium")
    pytest.importorskip("plotly", reason="plotly is not installed: pip install 'moo[explore]'")

from explore_browser import Page, asked, launched
from selenium.webdriver import Keys

_HOSTILE = '<img src=x onerror="window.hacked=1">'
_ENDING = "</script><script>window.hacked=1</script>"


def _missing(why: str) -> NoReturn:
    """Skip, or fail where a browser is required: in CI these tests are never left out in silence."""
    if os.environ.get("MOO_REQUIRE_BROWSER"):
        pytest.fail(f"{why} (MOO_REQUIRE_BROWSER is set)")
    pytest.skip(why)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        _missing("Chromium is not installed: apt-get install chromium chromium-driver")
    profile, downloads = tmp_path_factory.mktemp("profile"), tmp_path_factory.mktemp("downloads")
    with launched(chromium, chromedriver, profile, downloads) as started:
        yield started


@pytest.fixture
def page(browser: Page) -> Iterator[Page]:
    """After every test: no error was said, and nothing was asked for outside of this machine."""
    browser.driver.get_log("browser"), browser.driver.get_log("performance")
    yield browser
    said = [entry for entry in browser.driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert said == []
    assert asked(browser.driver) <= {"file", "data", "blob", "about", "http://127.0.0.1"}


@pytest.fixture
def bent() -> Result:
    """Two objectives, the second maximised, and two points that are not feasible."""
    F = plane(40)
    CV = np.where(np.arange(40) < 2, 0.5, 0.0)
    return result(F, CV=CV, names=["cost", "gain"], sign=[1.0, -1.0], seed=7)


# ---------------------------------------------------------------------- looking


def test_hovering_shows_x_and_f_with_names_and_signs(page: Page, bent: Result, tmp_path: Path) -> None:
    page.open(bent, tmp_path)
    page.to_point(*bent.values[11]).perform()
    page.until(lambda: page.find("#tip").is_displayed())
    terms = page.js(
        "return [...document.querySelectorAll('#tip dt')].map((t) => t.textContent).filter(Boolean)"
    )
    said = page.js(
        "return [...document.querySelectorAll('#tip dd')].map((t) => t.textContent).filter(Boolean)"
    )
    assert terms == ["cost", "gain (max)", "x1", "x2", "x3"]
    numbers = [float(text.replace("\u2212", "-")) for text in said]
    assert numbers == pytest.approx([*bent.values[11], *bent.X[11]], rel=1e-5)
    assert page.text("#tip b") == "NSGA2, seed 7"


def test_a_click_pins_a_point_and_pinned_points_stand_side_by_side(
    page: Page, bent: Result, tmp_path: Path
) -> None:
    page.open(bent, tmp_path)
    page.to_point(*bent.values[11]).click().perform()
    page.until(lambda: page.pins() == 1)
    page.press("#table .row[data-point='0']")
    page.until(lambda: page.pins() == 2)
    assert page.cell("row", 2) == "11"
    assert page.cell("row", 3) == "0"
    assert float(page.cell("CV", 3)) == 0.5
    assert float(page.cell("x3", 2)) == pytest.approx(bent.X[11, 2], rel=1e-5)
    page.press(".compare button[aria-label='unpin A']")
    page.until(lambda: page.pins() == 1)
    assert page.cell("row", 2) == "0"


def test_infeasible_points_are_hollow_and_never_chosen(page: Page, bent: Result, tmp_path: Path) -> None:
    page.open(bent, tmp_path)
    symbols = page.js(
        "return document.getElementById('front').data.map((t) => [t.marker.symbol, t.x.length])"
    )
    assert ["circle-open", 2] in symbols
    assert ["circle", 38] in symbols
    for place, value in enumerate(bent.values[0]):  # to reach exactly an infeasible point is asked for
        page.type(f"#reference-{place}-number", repr(float(value)))
    page.until(lambda: page.cell("row") not in ("0", "1"))
    assert float(page.cell("CV")) == 0.0


def test_three_objectives_stand_in_space_and_six_leave_a_choice_of_axes(page: Page, tmp_path: Path) -> None:
    F = sphere(60, 3)
    page.open(result(F), tmp_path)
    assert page.js("return document.getElementById('front').data.at(-1).type") == "scatter3d"
    assert sorted(page.drawn("z")) == pytest.approx(sorted(F[:, 2]))
    F = sphere(60, 6)
    page.open(result(F), tmp_path)
    assert page.js("return document.getElementById('front').data.at(-1).type") == "scatter"
    page.choose("#axis-y", "f5")
    page.until(lambda: np.allclose(sorted(page.drawn("y")), sorted(F[:, 4])))
    page.choose("#axis-z", "f6")
    page.until(lambda: page.js("return document.getElementById('front').data.at(-1).type") == "scatter3d")


def test_one_objective_stands_along_the_rows(page: Page, tmp_path: Path) -> None:
    made = result(plane(30)[:, :1], names=["cost"])
    page.open(made, tmp_path)
    assert page.drawn("x") == list(range(30))
    assert page.cell("row") == str(int(np.argmin(made.F)))


def test_a_logarithmic_axis(page: Page, bent: Result, tmp_path: Path) -> None:
    page.open(bent, tmp_path)
    assert page.find("#log-y").get_attribute("disabled")  # a gain is below 0 here
    page.press("#log-x")
    page.until(lambda: page.js("return document.getElementById('front')._fullLayout.xaxis.type") == "log")


def test_columns_are_chosen_one_after_another(page: Page, bent: Result, tmp_path: Path) -> None:
    page.open(bent, tmp_path)
    page.press("details.columns summary")
    for left in (4, 3):
        page.press("details.columns input:checked")
        page.until(lambda left=left: len(page.all(".axis")) == left)
    assert page.find("details.columns").get_attribute("open")


# ---------------------------------------------------------------------- filtering


def test_a_brush_filters_all_views(page: Page, bent: Result, tmp_path: Path) -> None:
    page.open(bent, tmp_path)
    page.brush(0, 0.2, 0.6)
    page.until(lambda: page.count() < 40)
    low, high = page.ends()
    assert 0.6 < low < 0.8 < 1.0 < high < 1.2
    inside = bent.values[(bent.values[:, 0] >= low) & (bent.values[:, 0] <= high), 0]
    assert page.count() == len(inside)
    page.until(lambda: sorted(page.drawn()) == sorted(inside))
    assert page.find("#table").get_attribute("aria-rowcount") == str(len(inside) + 1)
    page.press(".chip button")
    page.until(lambda: page.count() == 40)


def test_a_filter_can_be_typed(page: Page, bent: Result, tmp_path: Path) -> None:
    page.open(bent, tmp_path)
    page.choose("#add-filter", "x2")
    page.until(lambda: len(page.all(".chip input")) == 2)
    page.type(".chip input[aria-label='greatest x2']", "0.5")
    expected = int((bent.X[:, 1] <= 0.5).sum())
    page.until(lambda: page.count() == expected)


def test_selecting_in_the_front_filters_all_views(page: Page, bent: Result, tmp_path: Path) -> None:
    page.open(bent, tmp_path)
    page.to_point(0.7, -1.0).click_and_hold().move_by_offset(60, 60).move_by_offset(
        60, 60
    ).release().perform()
    page.until(lambda: page.count() < 40)
    box = page.until(
        lambda: page.js(
            "const [s] = document.getElementById('front').layout.shapes; return s && [s.x0, s.x1, s.y0, s.y1]"
        )
    )
    x, y = bent.values.T
    assert page.count() == int(((x >= box[0]) & (x <= box[1]) & (y >= box[2]) & (y <= box[3])).sum()) > 0
    page.press(".chip button")
    page.until(lambda: page.count() == 40)


def test_optimizers_seeds_and_problems_are_chosen(page: Page, tmp_path: Path) -> None:
    cells = {
        (p, o, s): result(plane(n, s), optimizer=f"{o}()", seed=s, title=p)
        for p, n in (("one", 10), ("two", 20))
        for o in ("A", "B")
        for s in (3, 4)
    }
    page.open(study(cells), tmp_path)
    assert page.count() == 40
    page.press("#legend .key:nth-child(2)")
    page.until(lambda: page.count() == 20)
    assert page.find("#legend .key:nth-child(2)").get_attribute("aria-pressed") == "false"
    page.choose("#seed", "4")
    page.until(lambda: page.count() == 10)
    page.choose("#problem", "two")
    page.until(lambda: page.count() == 40)  # of optimizer A, both seeds
    assert page.text("#count") == "40 of 80 points"


# ---------------------------------------------------------------------- deciding


def test_the_sliders_move_the_chosen_solution_as_moo_decision_does(
    page: Page, bent: Result, tmp_path: Path
) -> None:
    page.open(bent, tmp_path)
    for reference in ((0.6, -1.3), (1.2, -1.9), (0.5, -2.0), (1.5, -1.0)):
        for place, value in enumerate(reference):
            page.type(f"#reference-{place}-number", str(value))
        expected = moo.decision.achievement(bent, reference).row
        page.until(lambda row=expected: page.cell("row") == str(row))
        star = page.js("const t = document.getElementById('front').data.at(-1); return [t.x[0], t.y[0]]")
        assert page.cell("row") == str(expected)
    page.until(lambda: len(star) == 2)
    slider = page.find("#reference-0")
    slider.send_keys(Keys.HOME)
    assert float(page.find("#reference-0-number").get_attribute("value")) == pytest.approx(
        bent.values[2:, 0].min(), rel=1e-5
    )
    slider.send_keys(Keys.END)
    page.press("#reference-reset")
    page.until(lambda: page.cell("row") == str(moo.decision.achievement(bent, _ideal(bent)).row))


def _ideal(made: Result) -> np.ndarray:
    return np.asarray(made.F[made.CV <= 0].min(axis=0) * np.array(made.problem.sign))


# ---------------------------------------------------------------------- taking it along


def test_the_selection_is_exported_in_full_precision(page: Page, bent: Result, tmp_path: Path) -> None:
    page.open(bent, tmp_path)
    page.choose("#add-filter", "cost")
    page.until(lambda: len(page.all(".chip input")) == 2)
    page.type(".chip input[aria-label='greatest cost']", "0.8")
    rows = np.flatnonzero(bent.values[:, 0] <= 0.8)
    page.until(lambda: page.count() == len(rows))
    with page.file(".csv", "#csv").open(newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert [int(each["row"]) for each in read] == rows.tolist()
    assert [float(each["gain"]) for each in read] == bent.values[rows, 1].tolist()
    assert [float(each["x2"]) for each in read] == bent.X[rows, 1].tolist()
    loaded = json.loads(page.file(".json", "#json").read_text(encoding="utf-8"))
    assert [each["row"] for each in loaded] == rows.tolist()
    assert loaded[0]["optimizer"] == "NSGA2"
    assert loaded[0]["seed"] == 7
    assert loaded[0]["cost"] == bent.values[rows[0], 0]


def test_pinned_points_are_exported_alone(page: Page, bent: Result, tmp_path: Path) -> None:
    page.open(bent, tmp_path)
    page.choose("#scope", "pinned points")
    page.until(lambda: page.find("#json").get_attribute("disabled"))
    for row in (9, 4):
        page.press(f"#table .row[data-point='{row}']")
    page.until(lambda: page.pins() == 2)
    loaded = json.loads(page.file(".json", "#json").read_text(encoding="utf-8"))
    assert [each["row"] for each in loaded] == [9, 4]


# ---------------------------------------------------------------------- models


def test_a_pinned_model_shows_held_out_metrics_and_samples(page: Page, tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed: pip install pillow")
    from moo.multimodal.samples_page import Column
    from moo.multimodal.samples_page import page as samples_page

    metrics = {"train caption": np.array([3.0, 1.0, 2.0, 4.0]), "validation skill": np.linspace(0.1, 0.4, 4)}
    folder = result(plane(4), names=["caption", "image"], metrics=metrics).save(tmp_path / "run")
    pictures = np.random.default_rng(0).random((2, 8, 8, 3))
    made = samples_page(
        "made", ["a dog", "two"], pictures, [Column("best caption", [_HOSTILE, "b"], pictures)], "made"
    )
    (folder / "samples.html").write_text(made, encoding="utf-8")
    page.go(explore(folder).as_uri())
    page.press("#sampled button")
    page.until(lambda: page.pins() == 1)
    assert page.cell("row", 2) == "1"
    assert page.cell("validation skill", 2) == "0.2"
    parts = page.js("return [...document.querySelectorAll('.compare .part')].map((e) => e.textContent)")
    assert parts.index("held-out metrics") < parts.index("metrics")
    assert page.text("#samples h3") == "Samples of A (best caption)"
    page.until(lambda: page.js("return [...document.images].map((i) => i.naturalWidth)") == [8] * 4)
    assert page.text("#samples tbody td:nth-child(2)") == _HOSTILE
    assert page.js("return window.hacked ?? null") is None


# ---------------------------------------------------------------------- many points


def test_twenty_thousand_points(page: Page, tmp_path: Path) -> None:
    made = result(plane(20_000))
    page.open(made, tmp_path)
    assert page.count() == 20_000
    page.until(lambda: page.n_drawn() == 20_000)
    assert len(page.all("#table .row")) < 60
    page.brush(1, 0.25, 0.75)
    page.until(lambda: page.count() < 20_000)
    low, high = page.ends()
    inside = np.flatnonzero((made.values[:, 1] >= low) & (made.values[:, 1] <= high))
    assert abs(page.count() - len(inside)) <= 2  # the fields show six digits
    page.until(lambda: page.n_drawn() == page.count())
    page.js("document.querySelector('#table').scrollTop = 1e9")
    page.until(lambda: page.all(f"#table .row[data-point='{inside[-1]}']"))


def test_the_table_is_sorted_and_read_by_keyboard(page: Page, bent: Result, tmp_path: Path) -> None:
    page.open(bent, tmp_path)
    page.js("document.querySelector('.head .cell:nth-child(2) button').click()")
    best = int(np.argmin(bent.values[:, 1]))
    page.until(lambda: page.find("#table .row").get_attribute("data-point") == str(best))
    page.find("#table").send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    page.until(lambda: page.pins() == 1)
    assert page.cell("row", 2) == str(best)


# ---------------------------------------------------------------------- names of any kind


def test_names_that_contain_html_stay_text(page: Page, tmp_path: Path) -> None:
    names = [_HOSTILE, f"<b>bold</b> & 'so' \"on\" {_ENDING}"]
    var_names = ["{{DATA}}", '<a href="javascript:window.hacked=1">x</a>', "$x^2$ &lt;i&gt;"]
    optimizers = [_ENDING, "<script>alert(1)</script>"]
    cells = {
        (problem, o, 0): result(
            plane(12),
            names=names,
            var_names=var_names,
            title=_HOSTILE,
            optimizer=o,
            metrics={_HOSTILE: np.ones(12)},
        )
        for o in optimizers
        for problem in (_ENDING, "<!--")
    }
    page.open(study(cells), tmp_path)
    page.until(lambda: page.count() == 24)
    page.press("#table .row[data-point='3']")
    page.until(lambda: page.pins() == 1)
    page.to_point(*cells["<!--", optimizers[0], 0].values[5]).perform()
    page.until(lambda: page.find("#tip").is_displayed())
    assert page.js("return window.hacked ?? null") is None
    assert page.js("return document.querySelectorAll('script').length") == 3
    assert (
        page.js("return document.querySelectorAll('img, a, iframe, b:not(#tip b):not(.chip b)').length") == 0
    )
    assert page.text("#front .xtitle") == _HOSTILE
    assert page.all("#front .ytitle tspan[style*=bold], #front svg a") == []
    assert page.text("#front .ytitle").startswith("<b>bold</b> & 'so' \"on\"")
    shown = page.js("return [...document.querySelectorAll('.axis .name')].map((e) => e.textContent)")
    assert shown == [*names, *var_names]
    keys = page.js("return [...document.querySelectorAll('.key span')].map((e) => e.textContent)")
    assert keys == optimizers
    written = page.file(".csv", "#csv").read_text(encoding="utf-8")
    assert next(csv.reader(written.splitlines()))[4:6] == names


# ---------------------------------------------------------------------- a study that is still running


def test_a_served_study_shows_new_cells_when_it_is_refreshed(page: Page, tmp_path: Path) -> None:
    first = {("p", "A", 0): result(plane(10), optimizer="A()")}
    growing = study(first, seeds=[0, 1])
    growing.save(tmp_path / "run")
    with serving(tmp_path / "run") as (server, address):
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            page.go(address)
            assert page.text("#status") == "1 of 2 cells are done"
            assert page.count() == 10
            growing.results["p", "A", 1] = result(plane(15), optimizer="A()", seed=1)
            growing.save(tmp_path / "run", overwrite=True)
            page.press("#refresh")
            page.until(lambda: page.text("#count") == "25 points")
        finally:
            page.driver.get("about:blank")
            server.shutdown()
            thread.join()
