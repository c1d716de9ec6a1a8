"""Classification from many modalities: six views of a handwritten digit, six losses."""

from __future__ import annotations

from typing import Any

from moo.multimodal.data import DataSet, MultimodalData
from moo.multimodal.data.uci_views import UciViews
from moo.multimodal.tasks.classification import Classification


class Views(Classification):
    """Classify a digit from each of six sets of features: min (fou loss, fac loss, ..., mor loss).

    The six views share one head on embeddings of ``width`` columns, which is what they compete for; the
    fused prediction is the product of their posteriors. With ``fused_loss=True`` its loss is an objective
    more. Other options are those of `Classification`, whose defaults differ: late fusion, one shared head,
    linear encoders of 4 columns, the modalities' losses alone.
    """

    task_name = "views"

    def __init__(self, data: MultimodalData | DataSet | None = None, **options: Any) -> None:
        defaults = {
            "fusion": "late",
            "width": 4,
            "hidden": None,
            "fused_loss": False,
            "shared_head": True,
        }
        super().__init__(data, **{**defaults, **options})

    @classmethod
    def default_data(cls) -> DataSet:
        return UciViews()
