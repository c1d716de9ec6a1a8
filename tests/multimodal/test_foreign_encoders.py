"""The example with an encoder from another library runs, and what it trains is the encoder it names."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "transformers_encoder.py"


@pytest.mark.slow
def test_the_example_trains_a_vision_transformer(tmp_path, monkeypatch, capsys):
    pytest.importorskip("transformers", reason="the encoder is from transformers")
    argv = [str(EXAMPLE), "--out", str(tmp_path), "--settings", "16", "--steps", "3"]
    monkeypatch.setattr("sys.argv", argv)
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    said = capsys.readouterr().out
    assert "vision transformer: 14,907 parameters" in said
    assert (tmp_path / "vision-transformer" / "trade-offs.png").exists()
