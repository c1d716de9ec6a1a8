"""Speech as numbers: log-mel frames, their statistics, and what makes speakers comparable."""

from __future__ import annotations

from functools import cache
from math import gcd

import numpy as np
from scipy.signal import resample_poly

RATE = 16_000  # Hz; signals of another rate are resampled
N_MELS = 40
_WINDOW, _HOP, _FFT = 400, 160, 512  # samples: 25 ms, 10 ms
_LAGS = (40, 320)  # samples: 400 Hz down to 50 Hz, where a voice's pitch lies
_VOICED = 0.4  # autocorrelation of a frame that has a pitch
_FLOOR = 1e-8
N_STATISTICS = 4 * N_MELS + 6


def log_mel(signal: np.ndarray, rate: int) -> np.ndarray:
    """Natural logarithms of the energy (frames, 40), float32, in 40 bands spaced evenly on the mel scale
    (O'Shaughnessy 1987) from 20 Hz to 8 kHz, of Hann windows of 25 ms every 10 ms.

    Args:
        signal: samples (n,), full scale 1; one shorter than a window is filled up with silence.
        rate: of the signal, Hz.
    """
    power = np.abs(np.fft.rfft(_frames(_at_rate(signal, rate)) * np.hanning(_WINDOW), _FFT)) ** 2
    return np.asarray(np.log(power @ _mel_bands().T + _FLOOR), dtype=np.float32)


def statistics(signal: np.ndarray, rate: int) -> np.ndarray:
    """What a model of a few thousand parameters can use of an utterance (166,), float32: mean and
    deviation over time of the log-mel energies and of their changes; of the pitch (in octaves above
    50 Hz, voiced frames alone) mean, deviation and range; of the loudness deviation; the share of voiced
    frames; and the logarithm of the length in seconds."""
    signal = _at_rate(signal, rate)
    mel = log_mel(signal, RATE)
    change = np.diff(mel, axis=0) if len(mel) > 1 else np.zeros_like(mel)
    pitch, voiced = _pitch(_frames(signal))
    octaves = np.log2(pitch[voiced] / (RATE / _LAGS[1])) if voiced.any() else np.zeros(1)
    low, high = np.quantile(octaves, [0.1, 0.9])
    scalars = [
        *(octaves.mean(), octaves.std(), high - low),
        *(mel.mean(1).std(), voiced.mean(), np.log(max(len(signal), 1) / RATE)),
    ]
    parts = [mel.mean(0), mel.std(0), change.mean(0), change.std(0), scalars]
    return np.concatenate(parts).astype(np.float32)


def normalised_by_speaker(features: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Features (n, k), float32, with mean 0 and deviation 1 within each speaker (n,). It needs no labels,
    so that a speaker of the test split is treated as all others are, as is usual for emotion in speech."""
    normalised = np.empty(features.shape, dtype=np.float32)
    for speaker in np.unique(speakers):
        rows = speakers == speaker
        spread = features[rows].std(0)
        normalised[rows] = (features[rows] - features[rows].mean(0)) / np.where(spread > 1e-6, spread, 1.0)
    return normalised


def _at_rate(signal: np.ndarray, rate: int) -> np.ndarray:
    if rate == RATE:
        return signal
    shared = gcd(rate, RATE)
    return np.asarray(resample_poly(signal, RATE // shared, rate // shared))


def _frames(signal: np.ndarray) -> np.ndarray:
    """Overlapping windows (frames, 400), at least one."""
    padded = np.pad(signal, (0, max(0, _WINDOW - len(signal))))
    return np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]


@cache
def _mel_bands() -> np.ndarray:
    """Triangles (40, 257) over the frequencies of a window's transform."""
    top = 2595.0 * np.log10(1.0 + RATE / 2 / 700.0)
    bottom = 2595.0 * np.log10(1.0 + 20.0 / 700.0)
    edges = 700.0 * (10.0 ** (np.linspace(bottom, top, N_MELS + 2) / 2595.0) - 1.0)
    frequencies = np.fft.rfftfreq(_FFT, 1.0 / RATE)
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    return np.clip(np.minimum(rising, falling), 0.0, None)


def _pitch(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pitch in Hz and whether there is one, (frames,) each: where the autocorrelation is largest."""
    centred = frames - frames.mean(1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(centred, 2 * _FFT)) ** 2
    correlation = np.fft.irfft(spectrum)[:, : _LAGS[1] + 1]
    among = correlation[:, _LAGS[0] :]
    lag = among.argmax(1) + _LAGS[0]
    peak = among.max(1) / np.maximum(correlation[:, 0], _FLOOR)
    return RATE / lag, (peak > _VOICED) & (correlation[:, 0] > _WINDOW * 1e-6)
