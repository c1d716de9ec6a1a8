"""Aggregators for models with an encoder a modality, one file each: what keeps a strong modality from
starving the others.

They go where any aggregator goes, `moo.GradientDescent` and `moo.multimodal.search_rates`, but only with the
gradients of a task such as `ImageText`, whose losses are "fused loss" and one a modality, and whose model has
an encoder a modality.
"""

from __future__ import annotations

from moo.multimodal.balancing.encoder_rate import EncoderRate
from moo.multimodal.balancing.gradient_blending import gradient_blending
from moo.multimodal.balancing.mmpareto import MMPareto
from moo.multimodal.balancing.ogm_ge import OGMGE

__all__ = ["OGMGE", "EncoderRate", "MMPareto", "gradient_blending"]
