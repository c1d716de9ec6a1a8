"""eSpeak NG in this process: the same sound whoever asks and whatever was said before."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from moo.errors import MissingExtraError, ProblemError
from moo.multimodal.data.espeak import Prosody, speaker
from moo.multimodal.data.vader_spoken import VOICES

SCRIPT = """
import hashlib
from moo.multimodal.data.espeak import Prosody, speaker
from moo.multimodal.data.vader_spoken import VOICES
with speaker() as voice:
    said = [voice.say("What a lovely day, isn't it?", Prosody(f"en+{name}")) for name in VOICES]
print(hashlib.sha256(b"".join(x.tobytes() for x in said)).hexdigest())
"""


def said(text="What a lovely day, isn't it?", **options):
    with speaker() as voice:
        return voice.say(text, Prosody("en+f1", **options))


def digest_of_all_voices():
    with speaker() as voice:
        sounds = [voice.say("What a lovely day, isn't it?", Prosody(f"en+{name}")) for name in VOICES]
    return hashlib.sha256(b"".join(sound.tobytes() for sound in sounds)).hexdigest()


def test_a_sentence_is_a_sound():
    sound = said()
    assert sound.dtype == np.float32
    assert 0.5 * 22_050 < len(sound) < 4 * 22_050
    assert 0.05 < np.abs(sound).max() <= 1.0


def test_another_process_says_the_same_and_so_does_this_one_later():
    other = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    first = digest_of_all_voices()
    assert first == other.stdout.strip()
    assert digest_of_all_voices() == first


def test_threads_take_turns():
    with ThreadPoolExecutor(3) as pool:
        sounds = list(pool.map(lambda _: said(), range(3)))
    assert all(np.array_equal(sound, sounds[0]) for sound in sounds)


def test_prosody_is_heard():
    assert len(said(rate=250)) < 0.8 * len(said(rate=150))
    loud, soft = (np.sqrt(np.mean(said(volume=v) ** 2)) for v in (150, 50))
    assert loud > 1.5 * soft
    low, high = (np.abs(np.diff(np.sign(said(pitch=p)))).sum() for p in (10, 90))
    assert high > low


@pytest.mark.parametrize("text", ["", "   ", "\0", "😀" * 3])
def test_odd_texts_are_no_error(text):
    assert said(text).ndim == 1


def test_an_unknown_voice_is_named():
    with speaker() as voice, pytest.raises(ProblemError, match="no voice 'zz\\+nobody'"):
        voice.say("hello", Prosody("zz+nobody"))


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(MissingExtraError, match=r"moo\[multimodal\]"), speaker():
        pass
