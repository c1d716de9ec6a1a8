"""Speech-text sentiment: the losses of the voice, of the words and of both together."""

from __future__ import annotations

from typing import Self

from moo.multimodal.data import DataSet
from moo.multimodal.data.vader_spoken import VaderSpoken
from moo.multimodal.tasks.classification import Classification


class SpeechText(Classification):
    """Negative, neutral or positive, from synthetic speech and its words: min (fused loss, speech loss,
    text loss).

    "accuracy" is the weighted accuracy (WA) of the speech literature, the share of utterances, and "UA" the
    unweighted one, the mean recall of the classes. The test speakers are never heard in training. The voice
    is eSpeak NG's, driven by one rater's opinion: figures say nothing about real emotional speech. With
    `moo.multimodal.IEMOCAP` as ``data`` it is real speech. Options are those of `Classification`.
    """

    task_name = "speech-text"

    @classmethod
    def default_data(cls) -> DataSet:
        return VaderSpoken()

    @classmethod
    def quick(cls) -> Self:
        """The task on some 400 utterances, which take seconds to speak."""
        return cls(VaderSpoken(rows=400))
