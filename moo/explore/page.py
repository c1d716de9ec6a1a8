"""The page as one HTML text: markup, style, plotly's script, the data and the page's own script."""

from __future__ import annotations

import base64
import hashlib
import html
from importlib.resources import files

from moo.errors import MissingExtraError
from moo.explore.gather import Source
from moo.explore.payload import embedded, payload

_SCRIPTS = ("data.js", "state.js", "front.js", "parallel.js", "table.js", "panel.js", "export.js", "main.js")


def page(source: Source, *, served: bool = False) -> str:
    """The page; it refers to nothing outside of itself, and a browser is told to load nothing else.

    Args:
        source: what to show (`moo.explore.gather.gather`).
        served: whether it comes from `moo.explore.server`, so that it can be refreshed.

    Raises:
        MissingExtraError: without plotly.
    """
    own = "(() => {\n" + "\n".join(_asset(name) for name in _SCRIPTS) + "\n})();"
    scripts = {"PLOTLY": _plotly(), "SCRIPT": f"\n{own}\n"}
    parts = {
        "TITLE": html.escape(source.title),
        "POLICY": _policy(list(scripts.values())),
        "STYLE": _asset("page.css"),
        "DATA": embedded(payload(source, served=served)),
        **scripts,
    }
    return "".join(_filled(_asset("page.html"), parts))


def _filled(template: str, parts: dict[str, str]) -> list[str]:
    """The template cut at its ``{{NAME}}`` marks, with the parts between: no part is searched for marks."""
    first, *rest = template.split("{{")
    pieces = [first]
    for piece in rest:
        name, after = piece.split("}}", 1)
        pieces += [parts[name], after]
    return pieces


def _policy(scripts: list[str]) -> str:
    """A content security policy: scripts by their digest, nothing from the network.

    plotly compiles its drawing functions at run time, which needs 'unsafe-eval', and styles its own elements.
    """
    digests = " ".join(f"'sha256-{_digest(text)}'" for text in scripts)
    return (
        f"default-src 'none'; script-src {digests} 'unsafe-eval'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _asset(name: str) -> str:
    return files("moo.explore").joinpath("web", name).read_text(encoding="utf-8")


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise MissingExtraError("plotly", "explore") from None
    script: str = get_plotlyjs()
    return script
