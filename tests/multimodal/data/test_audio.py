"""Speech features: known tones, silence, other rates, and speakers made alike."""

from __future__ import annotations

import numpy as np
import pytest

from moo.multimodal.data.audio import (
    N_MELS,
    N_STATISTICS,
    RATE,
    log_mel,
    normalised_by_speaker,
    statistics,
)


def tone(hertz, seconds=0.5, rate=RATE):
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate).astype(np.float32)


def octaves(signal, rate=RATE):
    return statistics(signal, rate)[4 * N_MELS]


def test_a_higher_tone_is_in_a_higher_band():
    bands = [log_mel(tone(hertz), RATE).mean(0).argmax() for hertz in (200, 400, 1000, 3000, 7000)]
    assert bands == sorted(set(bands))
    assert log_mel(tone(200), RATE).shape == (48, N_MELS)  # 1 + (8000 - 400) // 160


def test_the_pitch_of_a_tone_is_its_frequency():
    for hertz in (100, 200):
        assert octaves(tone(hertz)) == pytest.approx(np.log2(hertz / 50), abs=0.03)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
def test_another_rate_gives_the_same_pitch_and_length(rate):
    here, there = statistics(tone(150), RATE), statistics(tone(150, rate=rate), rate)
    assert there[4 * N_MELS] == pytest.approx(here[4 * N_MELS], abs=0.02)
    assert there[-1] == pytest.approx(here[-1], abs=0.01) == pytest.approx(np.log(0.5), abs=0.01)


@pytest.mark.parametrize("n", [0, 1, 399, 400, 16_000])
def test_silence_and_clips_shorter_than_a_window_are_finite(n):
    found = statistics(np.zeros(n, dtype=np.float32), RATE)
    assert found.shape == (N_STATISTICS,)
    assert np.isfinite(found).all()
    assert found[-2] == 0.0  # nothing is voiced


def test_speakers_are_made_alike():
    rng = np.random.default_rng(0)
    speakers = np.repeat([0, 1], 50)
    features = rng.normal(size=(100, 3)) * (1 + 9 * speakers)[:, None] + 5 * speakers[:, None]
    features[:, 2] = 7.0  # does not vary
    found = normalised_by_speaker(features, speakers)
    for speaker in (0, 1):
        rows = found[speakers == speaker]
        assert rows.mean(0) == pytest.approx(0.0, abs=1e-6)
        assert rows[:, :2].std(0) == pytest.approx(1.0, abs=1e-5)
    assert (found[:, 2] == 0.0).all()
