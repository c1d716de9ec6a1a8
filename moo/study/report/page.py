"""The frame of a report: head, style, table of contents, sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from moo.html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2129; --soft: #565d69; --line: #d9dde3; --paper: #fff;
  --tint: #f4f6f9; --link: #0b5cad; --warn: #fff4dc; --warn-line: #b36b00 }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ec; --soft: #a4acb9; --line: #3a414d;
  --paper: #14171c; --tint: #1d222a; --link: #7db8f5; --warn: #33280f; --warn-line: #e0a030 } }
* { box-sizing: border-box }
html { scroll-behavior: smooth; scroll-padding-top: 1rem }
body { margin: 0; font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  color: var(--ink); background: var(--paper) }
a { color: var(--link) }
.layout { display: grid; grid-template-columns: minmax(11rem, 15rem) minmax(0, 1fr); gap: 2.5rem;
  max-width: 104rem; margin: 0 auto; padding: 0 1.5rem 4rem }
nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto; padding: 2rem 0;
  font-size: .9rem }
nav ol { list-style: none; margin: 0; padding: 0 }
nav ol ol { padding-left: .9rem; font-size: .95em }
nav a { display: block; padding: .16rem .4rem; text-decoration: none; color: var(--soft);
  overflow-wrap: anywhere; border-left: 2px solid transparent }
nav a:hover, nav a:focus { color: var(--link); border-left-color: var(--link) }
main { padding-top: 1.6rem; min-width: 0 }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .3rem; overflow-wrap: anywhere }
h2 { font-size: 1.3rem; margin: 2.6rem 0 .6rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line) }
h3 { font-size: 1.08rem; margin: 1.9rem 0 .4rem; overflow-wrap: anywhere }
p, ul, dl { max-width: 50rem; margin: .5rem 0 }
li { margin: .35rem 0; overflow-wrap: anywhere }
.status { color: var(--soft); margin: 0 }
.partial { background: var(--warn); border-left: 4px solid var(--warn-line); padding: .7rem 1rem;
  max-width: 50rem; margin: 1rem 0 }
.scroll { overflow-x: auto; margin: .8rem 0 1.2rem }
table { border-collapse: collapse; font-size: .86rem; min-width: min(100%, 36rem) }
caption { text-align: left; color: var(--soft); padding: 0 0 .35rem; caption-side: top }
th, td { padding: .28rem 1rem .28rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); white-space: nowrap }
td.long { white-space: normal; min-width: 16rem; overflow-wrap: anywhere }
thead th { border-bottom: 2px solid var(--line); font-weight: 600; vertical-align: bottom }
tbody th { font-weight: 600 }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr));
  gap: 1.2rem; align-items: start; margin: 1rem 0 }
figure { margin: 0 }
figure img { width: 100%; max-width: 36rem; background: #fff; border: 1px solid var(--line);
  border-radius: 4px; display: block }
figcaption { color: var(--soft); font-size: .88rem; margin-top: .3rem; max-width: 36rem }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 4px; padding: .7rem .9rem;
  overflow-x: auto; font-size: .86rem; white-space: pre-wrap; overflow-wrap: anywhere }
dt { font-weight: 600 } dd { margin: 0 0 .5rem }
@media (max-width: 55rem) {
  .layout { display: block; padding: 0 1rem 3rem }
  nav { position: static; max-height: none; padding: 1rem 0 0; border-bottom: 1px solid var(--line) }
  nav ol ol { display: none }
  nav > ol { display: flex; flex-wrap: wrap }
  h1 { font-size: 1.4rem }
}
@media print {
  :root { --ink: #000; --soft: #333; --line: #bbb; --paper: #fff; --tint: #fff; --link: #000;
    --warn: #fff; --warn-line: #000 }
  body { font-size: 10pt }
  nav { display: none }
  .layout { display: block; max-width: none; padding: 0 }
  .scroll { overflow: visible }
  .figures { grid-template-columns: 1fr 1fr }
  table { font-size: 7.5pt; min-width: 0 }
  th, td { white-space: normal; padding-right: .5rem }
  h2, h3, caption { break-after: avoid }
  tr, figure, pre { break-inside: avoid }
  a { text-decoration: none }
}
"""


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    Attributes:
        anchor: its id in the page.
        title: text, not yet escaped.
        body: HTML.
        parts: sections within, one level deep.
    """

    anchor: str
    title: str
    body: str
    parts: list[Section] = field(default_factory=list)


def page(title: str, status: str, sections: Sequence[Section]) -> str:
    """The whole file; ``status`` is HTML for below the title."""
    body = "\n".join(_section(section, 2) for section in sections)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<div class="layout">
<nav aria-label="Contents">{_contents(sections)}</nav>
<main>
<h1>{escape(title)}</h1>
{status}
{body}
</main>
</div>
</body>
</html>
"""


def _section(section: Section, level: int) -> str:
    parts = "\n".join(_section(part, level + 1) for part in section.parts)
    heading = f"<h{level}>{escape(section.title)}</h{level}>"
    return f'<section id="{escape(section.anchor)}">\n{heading}\n{section.body}\n{parts}</section>'


def _contents(sections: Sequence[Section]) -> str:
    items = [
        f'<li><a href="#{escape(s.anchor)}">{escape(s.title)}</a>{_contents(s.parts) if s.parts else ""}</li>'
        for s in sections
    ]
    return f"<ol>{''.join(items)}</ol>"
