"""The gallery: every script in docs/examples/gallery is run when the site is built, and becomes a page with
its text, its code, what it printed and the figures it saved.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

SCRIPTS = Path(__file__).resolve().parents[1] / "examples" / "gallery"
_AT_ONCE = 2
_SECONDS = 120


@dataclass(frozen=True)
class Example:
    """One script and what it left behind: ``figures`` by file name."""

    name: str
    title: str
    text: str
    code: str
    printed: str
    figures: dict[str, bytes]

    def page(self) -> str:
        parts = [f"# {self.title}", self.text]
        parts += [f"![{self.title}]({self.name}-{figure})" for figure in self.figures]
        parts.append(f"```python\n{self.code}\n```")
        if self.printed:
            parts.append(f"It prints:\n\n```text\n{self.printed}\n```")
        parts.append(f"Run it: `python docs/examples/gallery/{self.name}.py`.")
        return "\n\n".join(parts) + "\n"

    def card(self) -> str:
        first = next(iter(self.figures))
        return f"-   [![]({self.name}-{first})<br>{self.title}]({self.name}.md)"


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """MkDocs calls this once the files of the site are known."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        examples = list(pool.map(_run, sorted(SCRIPTS.glob("*.py"))))
    for example in examples:
        files.append(File.generated(config, f"gallery/{example.name}.md", content=example.page()))
        for name, image in example.figures.items():
            files.append(File.generated(config, f"gallery/{example.name}-{name}", content=image))
    files.append(File.generated(config, "gallery/index.md", content=_index(examples)))
    return files


def _index(examples: list[Example]) -> str:
    cards = "\n".join(example.card() for example in examples)
    return (
        "# Gallery\n\nEach figure is made by the script on its page, which runs whenever this site is built."
        f'\n\n<div class="gallery" markdown>\n\n{cards}\n\n</div>\n'
    )


def _run(script: Path) -> Example:
    """
    Raises:
        PluginError: when the script fails or saves no figure.
    """
    source = script.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        printed = _output(script, folder)
        figures = {path.name: path.read_bytes() for path in sorted(Path(folder).glob("*.png"))}
    if not figures:
        raise PluginError(f"{script.name} saved no figure: it is to write a PNG into the current folder")
    title, _, text = (ast.get_docstring(ast.parse(source)) or script.stem).partition("\n\n")
    code = source.split('"""', 2)[2].strip()
    return Example(script.stem, " ".join(title.split()).rstrip("."), text, code, printed, figures)


def _output(script: Path, folder: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    if done.returncode != 0:
        raise PluginError(f"{script.name} failed:\n{done.stderr}")
    return done.stdout.strip()
