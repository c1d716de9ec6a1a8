"""How long the interactive page takes to answer, in headless Chromium: medians and 95th percentiles.

    python benchmarks/explore_latency.py [POINTS] [OBJECTIVES]

Times are of the page itself (performance.now): from the event to the end of the first frame that shows the
answer. A brush and a slider show theirs twice: at once in the count, the lines and the panel, and when they
rest in the front, which plotly draws anew.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import moo
from moo.explore import explore

_REPEATS = 30
_VARIABLES = 10
_SOFTWARE_GL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
_SCRIPT = """
const [what, repeats, done] = arguments, $ = (s) => document.querySelector(s), times = [];
const frame = () => new Promise((go) => requestAnimationFrame(() => setTimeout(go)));
const send = (on, type, x, y) => on.dispatchEvent(new PointerEvent(type, { bubbles: true, button: 0,
  buttons: type === "pointermove" && what === "hover" ? 0 : 1, clientX: x, clientY: y }));
const drawn = () => $("#front").data.filter((t) => t.mode === "markers" && t.hoverinfo === "none")
  .reduce((sum, t) => sum + t.x.length, 0);
const counted = () => Number($("#count").textContent.split(" ")[0].replaceAll(",", ""));
const rail = $(".rail").getBoundingClientRect(), lines = $("#parallel").getBoundingClientRect();
const at = (part) => rail.bottom - part * rail.height, x = rail.left + rail.width / 2;
(async () => {
  if (what.startsWith("brush")) send($(".rail"), "pointerdown", x, at(0.1));
  for (let i = 0; i < repeats; i++) {
    const began = performance.now();
    if (what.startsWith("brush")) {
      send(window, "pointermove", x, at(0.3 + 0.6 * ((i * 7) % repeats) / repeats));
      await frame();
      while (what === "brush at rest" && drawn() !== counted()) await frame();
    } else if (what === "hover") {
      send($("#parallel"), "pointermove", lines.left + lines.width * (0.2 + 0.6 * i / repeats), at(0.5));
      await frame();
    } else {
      const slider = $("#reference-0");
      slider.value = 1000 * ((i * 7) % repeats) / repeats;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      await frame();
      const x0 = () => Number($(".compare tbody tr:nth-of-type(5) td").textContent.replace("\\u2212", "-"));
      const star = () => $("#front").data.at(-1).x[0];
      while (what === "slider at rest" && Math.abs(x0() - star()) > 1e-4) await frame();
    }
    times.push(performance.now() - began);
  }
  if (what.startsWith("brush")) send(window, "pointerup", x, at(0.5));
  done(times);
})();
"""


def _browser() -> Any:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    folder = f"--user-data-dir={tempfile.mkdtemp()}"
    for argument in ("--headless=new", "--no-sandbox", *_SOFTWARE_GL, folder):
        options.add_argument(argument)
    service = webdriver.ChromeService(shutil.which("chromedriver"), log_output=subprocess.DEVNULL)
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_script_timeout(300)
    driver.set_window_size(1400, 900)
    return driver


def _front(n: int, n_obj: int) -> moo.Result:
    """A result of n points on the unit sphere."""
    rng = np.random.default_rng(0)
    problem = moo.problems.DTLZ2(n_obj=n_obj, n_var=n_obj - 1 + _VARIABLES)
    made = moo.solve(problem, moo.NSGA2(pop_size=20), budget=20, seed=0)
    F = np.abs(rng.normal(size=(n, n_obj))) + 1e-3
    made.F = F / np.linalg.norm(F, axis=1)[:, None]
    made.X, made.CV = rng.random((n, problem.n_var)), np.zeros(n)
    return made


def main() -> None:
    given = [int(text) for text in sys.argv[1:]]
    n, n_obj = (*given, *(20_000, 2)[len(given) :])
    driver = _browser()
    try:
        with tempfile.TemporaryDirectory() as folder:
            driver.get(explore(_front(n, n_obj), Path(folder) / "page.html").as_uri())
            driver.execute_async_script("setTimeout(arguments[0], 5000)")  # the first drawing is not measured
            print(f"{n:,} points, {n_obj} objectives; milliseconds: median, 95 %")
            for what in ("hover", "brush", "brush at rest", "slider", "slider at rest"):
                times = driver.execute_async_script(_SCRIPT, what, _REPEATS)
                print(f"{what:<16}{np.median(times):8.0f}{np.percentile(times, 95):8.0f}")
    finally:
        driver.quit()


if __name__ == "__main__":
    main()
