"""The site: what it is built from, and that it is whole without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from pages import DOCS, ROOT

import moo

_LOADED = re.compile(
    r'<(?:script|img|iframe|source)[^>]*\ssrc="(?P<src>[^"]+)"|<link[^>]*\shref="(?P<href>[^"]+)"'
)
_DRAWN = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.DOTALL)


def described() -> set[str]:
    """What the reference pages describe, by its full name."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md"))
    return set(re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE))


def test_the_reference_has_every_public_name() -> None:
    names = {name: getattr(moo, name) for name in moo.__all__}
    wanted = {f"{each.__module__}.{each.__name__}" for each in names.values() if hasattr(each, "__module__")}
    assert len(wanted) > 30
    assert wanted <= described() | {"moo.errors.MooError"}, "moo.errors is described as a whole"


@pytest.mark.parametrize("package", ["moo.plot", "moo.decision", "moo.multimodal"])
def test_the_reference_has_what_a_package_exports(package: str) -> None:
    exported = [getattr(import_module(package), name) for name in import_module(package).__all__]
    wanted = {f"{each.__module__}.{each.__name__}" for each in exported if callable(each)}
    assert {name for name in wanted if name.startswith("moo.")} <= described()


def test_the_reference_has_every_aggregator() -> None:
    from moo.aggregation import aggregators

    assert {f"{cls.__module__}.{name}" for name, cls in aggregators().items()} <= described()


def test_formulas_become_mathml() -> None:
    pytest.importorskip("latex2mathml", reason="the docs extra is not installed")
    sys.path.insert(0, str(DOCS / "tools"))
    try:
        mathematics = import_module("mathematics")
    finally:
        sys.path.pop(0)
    drawn = mathematics.on_page_content(r'<p><span class="arithmatex">\(f_i &lt; 1\)</span></p>')
    assert drawn.startswith("<p><math")
    assert "<mi>f</mi><mi>i</mi>" in drawn
    assert "arithmatex" not in drawn
    for page in (DOCS / "families").glob("*.md"):
        for formula in _DRAWN.findall(page.read_text(encoding="utf-8")):
            latex = formula.strip("$").strip()
            mathml = mathematics.on_page_content(f'<div class="arithmatex">\\[{latex}\\]</div>')
            assert "\\" not in re.sub(r"\\[{}]", "", mathml), f"{page.name}: {latex} is not all understood"


@pytest.mark.slow
def test_the_site_is_built_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="the docs extra is not installed")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = {found["src"] or found["href"] for found in _LOADED.finditer(text)}
        assert loaded, page
        assert not [each for each in loaded if each.startswith(("http:", "https:", "//"))], page
        assert "arithmatex" not in text, page
