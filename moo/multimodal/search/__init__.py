"""Training many models at once over weights and learning rates, and choosing one by validation."""

from __future__ import annotations

from moo.multimodal.search.rates import search_rates
from moo.multimodal.search.result import WeightSearch
from moo.multimodal.search.weights import search_weights

__all__ = ["WeightSearch", "search_rates", "search_weights"]
