"""Formulas between dollars become MathML when the site is built: the browser draws them, without scripts."""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

_BARS = "<mo>&#x02016;</mo>"  # of a norm: they would grow with the whole formula
_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\(?P<kind>[\(\[])(?P<latex>.*?)\\[\)\]]</(?P=tag)>', re.DOTALL
)


def on_page_content(content: str, **_: Any) -> str:
    """MkDocs calls this with the HTML of each page."""
    return _FORMULA.sub(_mathml, content)


def _mathml(found: re.Match[str]) -> str:
    display = "block" if found["kind"] == "[" else "inline"
    formula = str(convert(html.unescape(found["latex"]).strip(), display=display))
    return formula.replace(_BARS, _BARS.replace("<mo>", '<mo stretchy="false">'))
