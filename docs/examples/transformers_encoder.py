"""An encoder from Hugging Face transformers: a small Vision Transformer in the image-text task, beside
moo's own encoder.

Any `nn.Module` without running statistics and random layers can be an encoder; transformers are, once
their dropout is 0. Needs ``pip install transformers`` and about half a minute; nothing is downloaded.

    python docs/examples/transformers_encoder.py --out runs/transformers
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import nn
from transformers import ViTConfig, ViTModel

from moo.multimodal import search_weights
from moo.multimodal.tasks.image_text import ImageText
from moo.plot import trade_offs

WIDTH = 16  # of an embedding


class VisionTransformer(nn.Module):
    """Images (n, 3, 16, 16) in [0, 1] to embeddings (n, WIDTH): the first token after two layers."""

    def __init__(self) -> None:
        super().__init__()
        config = ViTConfig(
            image_size=16,
            patch_size=4,
            hidden_size=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=2 * WIDTH,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        self.layers = ViTModel(config, add_pooling_layer=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        embedding: torch.Tensor = self.layers(pixel_values=2.0 * image - 1.0).last_hidden_state[:, 0]
        return embedding


ENCODERS = {"moo's own": {}, "vision transformer": {"image": VisionTransformer}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", default="runs/transformers")
    parser.add_argument("--settings", type=int, default=16, help="weights and learning rates to try")
    parser.add_argument("--steps", type=int, default=150, help="of Adam")
    args = parser.parse_args()
    for name, encoders in ENCODERS.items():
        task = ImageText(encoders=encoders, width=WIDTH)
        found = search_weights(task, by="grid", n=args.settings, steps=args.steps, seeds=1)
        print(f"{name}: {task.n_var:,} parameters; {found.rule}")
        print(found.test["mean"].round(3).to_string(), "\n")
        folder = Path(args.out) / name.replace(" ", "-").replace("'", "")
        found.save(folder, overwrite=True)
        trade_offs(found).savefig(folder / "trade-offs.png")
    print(f"written to {args.out}")


if __name__ == "__main__":
    main()
