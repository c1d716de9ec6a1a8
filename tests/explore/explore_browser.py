"""Chromium without a window, and the words that the tests use for what is done in the page."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from moo.explore import explore
from moo.result import Result
from moo.study import Study

_PATIENCE = 30  # seconds
_FOUND = "const found = document.querySelector(arguments[0])"
_NOT_YET = (NoSuchElementException, StaleElementReferenceException)
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


class Page:
    """A browser, and the words that the tests use for what is done in it."""

    def __init__(self, driver: Any, downloads: Path) -> None:
        self.driver, self.downloads = driver, downloads

    def open(self, what: Result | Study, folder: Path) -> Page:
        return self.go(explore(what, folder / "page.html").as_uri())

    def go(self, address: str) -> Page:
        self.driver.get("about:blank")
        self.driver.get(address)
        return self.settled()

    def settled(self) -> Page:
        self.until(lambda: self.js("return document.querySelector('#front .main-svg') !== null"))
        self.until(lambda: self.text("#count") != "")
        return self

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def until(self, condition: Callable[[], Any]) -> Any:
        """Waits for it; that an element is not there, or is being drawn anew, is no answer yet."""
        wait = WebDriverWait(self.driver, _PATIENCE, poll_frequency=0.05, ignored_exceptions=_NOT_YET)
        return wait.until(lambda _: condition())

    def rest(self) -> None:
        """Until all that was done so far is in the page: changes are shown once a frame."""
        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
        )

    def find(self, selector: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def text(self, selector: str) -> str:
        return str(self.js("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def press(self, selector: str) -> None:
        self.until(lambda: self.js(f"{_FOUND}; found?.click(); return Boolean(found)", selector))

    def choose(self, selector: str, label: str) -> None:
        self.rest()
        Select(self.find(selector)).select_by_visible_text(label)
        self.rest()

    def type(self, selector: str, text: str) -> None:
        self.rest()
        field = self.find(selector)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text)

    def count(self) -> int:
        return int(self.text("#count").split()[0].replace(",", ""))

    def to_point(self, x: float, y: float) -> ActionChains:
        """The pointer over a point of the front in the plane."""
        at = self.js(
            "const d = document.getElementById('front'), l = d._fullLayout, b = d.getBoundingClientRect();"
            "return [b.width, b.height, l.xaxis._offset + l.xaxis.d2p(arguments[0]),"
            " l.yaxis._offset + l.yaxis.d2p(arguments[1])]",
            x,
            y,
        )
        actions = ActionChains(self.driver, duration=50)
        dx, dy = at[2] - at[0] / 2, at[3] - at[1] / 2
        return actions.move_to_element_with_offset(self.find("#front"), round(dx), round(dy))

    def brush(self, column: int, low: float, high: float) -> None:
        """Drag along an axis of the parallel coordinates, between two shares of its height."""
        self.rest()
        left, bottom, tall = self.js(
            "const b = document.querySelector(arguments[0]).getBoundingClientRect();"
            "return [b.left + b.width / 2, b.bottom, b.height]",
            f'.rail[data-column="{column}"]',
        )
        actions = ActionChains(self.driver, duration=50)
        pointer = actions.w3c_actions.pointer_action
        for part in (low, (low + high) / 2, high):
            pointer.move_to_location(round(left), round(bottom - part * tall))
            if part == low:
                pointer.pointer_down()
        pointer.pointer_up()
        actions.perform()
        self.rest()

    def ends(self) -> list[float]:
        """The ends of the first filter, as its fields say them."""
        fields = self.js(
            "return [...document.querySelectorAll('.chip input')].slice(0, 2).map((f) => f.value)"
        )
        return [float(value) for value in fields]

    def drawn(self, kind: str = "x") -> list[float]:
        """One coordinate of all points that the front shows and that may be chosen."""
        return list(
            self.js(
                "return [...document.getElementById('front').data].filter((t) => t.hoverinfo === 'none' "
                "&& t.mode === 'markers').flatMap((t) => [...t[arguments[0]]])",
                kind,
            )
        )

    def n_drawn(self) -> int:
        """How many points the front shows that may be chosen."""
        return int(
            self.js(
                "return [...document.getElementById('front').data].filter((t) => t.hoverinfo === 'none' "
                "&& t.mode === 'markers').reduce((sum, t) => sum + t.x.length, 0)"
            )
        )

    def cell(self, row: str, column: int = 1) -> str:
        """What the panel says of a point: 1 is the chosen one, then the pinned ones."""
        rows = self.js(
            "return [...document.querySelectorAll('.compare tr')]"
            ".map((r) => [...r.cells].map((c) => c.textContent))"
        )
        return str(next(cells[column] for cells in rows if cells[0] == row))

    def pins(self) -> int:
        return len(self.all(".compare thead button"))

    def file(self, ending: str, press: str) -> Path:
        """What a button downloads."""
        before = set(self.downloads.iterdir())
        self.find(press).click()

        def came() -> Path | None:
            new = [f for f in self.downloads.iterdir() if f not in before and f.suffix == ending]
            return new[0] if new else None

        return Path(self.until(came))


@contextmanager
def launched(chromium: str, chromedriver: str, profile: Path, downloads: Path) -> Iterator[Page]:
    """A browser with a profile of its own, which is gone afterwards."""
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (*_ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(chromedriver, log_output=subprocess.DEVNULL)
    driver = webdriver.Chrome(options=options, service=service)
    try:
        size = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        yield Page(driver, downloads)
    finally:
        driver.quit()


def asked(driver: Any) -> set[str]:
    """Schemes, and hosts of what went over a network, of all requests since the log was read."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    requests = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    sent = [
        e["request"]["url"] for e in requests if not e["documentURL"].startswith("chrome")
    ]  # its first tab
    return {url.rpartition(":")[0] if url.startswith("http") else url.partition(":")[0] for url in sent}
