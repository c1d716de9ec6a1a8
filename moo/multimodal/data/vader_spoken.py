"""VADER-spoken: sentences that people rated, said by a synthetic voice that is driven by one of them."""

from __future__ import annotations

import ast
import hashlib
import html
import io
import logging
import re
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata

import numpy as np
import torch

from moo.errors import MissingExtraError, OptionError, ProblemError, unknown_name
from moo.multimodal.data.audio import N_STATISTICS, normalised_by_speaker, statistics
from moo.multimodal.data.base import DataSet, MultimodalData, Samples, check_integer
from moo.multimodal.data.espeak import Prosody, speaker
from moo.multimodal.data.local_cache import cache_folder, read_arrays, write_arrays
from moo.multimodal.data.packages import PyPIPackage
from moo.multimodal.data.text import tf_idf, words

SOURCES = {
    "tweets": ("tweets",),
    "amazon": ("amazonReviewSnippets",),
    "both": ("tweets", "amazonReviewSnippets"),
}
VOICES = (
    "f1",
    "m1",
    "linda",
    "m3",
    "steph",
    "david",
    "belinda",
    "robert",
    "Annie",
    "m7",
)  # session by session
CLASSES = ("negative", "neutral", "positive")
PACKAGE = PyPIPackage(
    "vaderSentiment",
    "3.3.2",
    "vaderSentiment-3.3.2.tar.gz",
    "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    2.5,
)
_ARCHIVE = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
_NEUTRAL = 0.5  # a mean rating up to this far from zero
_LARGEST = 4.0  # a rating
_LEAST_RATERS = 5
_LEFT_OUT = re.compile(r"\b(fuck|shit|bitch|nigg|cunt|fag|whore|slut|dick|piss|bastard|ass(hole)?\b)", re.I)
_LOG = logging.getLogger("moo.data")
_TOLD_EVERY = 1000


@dataclass(frozen=True)
class VaderSpoken(DataSet):
    """Sentences with the ratings of some twenty people each, spoken as *synthetic speech*: negative, neutral
    or positive.

    The label is the mean rating of all raters but one, drawn: below -0.5, up to 0.5, above. The voice is
    driven by the one left out: from -4 to 4 the rating raises pitch, pitch range, rate and loudness, in
    proportion to ``gain``, on top of what is the speaker's and chance; then there is noise of 10 to 30 dB.
    So the voice carries one person's opinion, never the label. That link from opinion to voice is ours: no
    figure on this data says anything about real emotional speech.

    Modalities: "speech" (n, 166), float32, `moo.multimodal.data.audio.statistics` of the utterance, of mean 0
    and deviation 1 within each speaker; "text" (n, n_words), float32, TF-IDF over the words most frequent
    in the training split. Targets: "valence" (n,), the mean rating that the label is made of. Groups:
    "speaker" and "session".

    Five sessions of a female and a male speaker; one is the test split, the one after it the validation
    split, three are trained on. Equal sentences are in one session. Sentences with words that one would not
    want read out are left out.

    Of 4,041 tweets 2,298 are positive (57 %), and the rater left out agrees with the label on 80 %.
    Multinomial logistic regression with an L2 penalty, mean over the five test sessions of share right /
    mean recall: speech .694 / .562, text .667 / .569, both .713 / .625; with ``gain=0`` the voice alone has
    .571 / .365.

    Sources: sentences and ratings by Hutto and Gilbert 2014 ("VADER", ICWSM), in the source distribution of
    vaderSentiment (MIT), fetched once, 2.5 MB, by pip; of the four collections those of tweet-like
    sentences and of Amazon reviews. Speech by eSpeak NG (GPL-3.0 or later), in this process, from ``pip
    install 'moo[multimodal]'``. Speaking the 4,000 tweets takes about a minute; features are kept in the
    cache.

    Args:
        source: "tweets", "amazon" or "both".
        gain: how much the voice says of the rating, 0 (plain reading) to 1.
        test_session: 1 to 5.
        rows: so many sentences, drawn; None for all.
        n_words: words of the vocabulary.
        seed: of whom is left out, who speaks what, and all chance in the voice.

    Raises:
        OptionError: for an option out of its range.
        ProblemError: by ``load``, when the package cannot be fetched.
        MissingExtraError: by ``load``, without eSpeak NG.
    """

    source: str = "tweets"
    gain: float = 1.0
    test_session: int = 5
    rows: int | None = None
    n_words: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise OptionError(unknown_name("source", str(self.source), SOURCES))
        if not isinstance(self.gain, (int, float)) or not 0.0 <= self.gain <= 1.0:
            raise OptionError(f"gain={self.gain!r} is not accepted: give a number from 0 to 1")
        if self.test_session not in range(1, 6):
            raise OptionError(f"test_session={self.test_session!r} is not accepted: give 1 to 5")
        if self.rows is not None:
            check_integer("rows", self.rows, 50)
        check_integer("n_words", self.n_words, 1)
        check_integer("seed", self.seed, 0)

    def load(self) -> MultimodalData:
        rated = self._drawn(_rated(self.source))
        rng = np.random.default_rng([self.seed, 1])
        opinions, valence = _left_out(rated, rng)
        speakers = _speakers([text for text, _ in rated], rng)
        texts = tuple(text for text, _ in rated)
        features = _cached(self, _script(self.gain, texts, opinions, speakers, rng))
        sessions = speakers // 2 + 1
        following = self.test_session % 5 + 1
        split = {
            "train": np.flatnonzero((sessions != self.test_session) & (sessions != following)),
            "validation": np.flatnonzero(sessions == following),
            "test": np.flatnonzero(sessions == self.test_session),
        }
        modalities = {
            "speech": torch.from_numpy(normalised_by_speaker(features, speakers)),
            "text": torch.from_numpy(tf_idf([words(text) for text in texts], split["train"], self.n_words)),
        }
        labels = np.searchsorted([-_NEUTRAL, np.nextafter(_NEUTRAL, 1.0)], valence, side="right")
        targets = {"valence": torch.from_numpy(valence.astype(np.float32))}
        samples = Samples(modalities, torch.from_numpy(labels), targets=targets)
        groups = {"speaker": np.array(VOICES)[speakers], "session": sessions}
        return MultimodalData(samples, CLASSES, split, texts, texts, groups)

    def _drawn(self, rated: list[tuple[str, np.ndarray]]) -> list[tuple[str, np.ndarray]]:
        if self.rows is None or self.rows >= len(rated):
            return rated
        chosen = np.random.default_rng([self.seed, 0]).choice(len(rated), self.rows, replace=False)
        return [rated[i] for i in np.sort(chosen)]


# ------------------------------------------------------------------ the ratings


def _rated(source: str) -> list[tuple[str, np.ndarray]]:
    """Sentences and their ratings (raters,), from -4 to 4, in the order of the files."""
    with tarfile.open(PACKAGE.fetched()) as outer:
        inner = outer.extractfile(_ARCHIVE)
        if inner is None:
            raise ProblemError(f"{PACKAGE.file} holds no {_ARCHIVE}")
        with tarfile.open(fileobj=io.BytesIO(inner.read())) as archive:
            found = [pair for name in SOURCES[source] for pair in _collection(archive, name)]
    return [(text, ratings) for text, ratings in found if not _LEFT_OUT.search(text)]


def _collection(archive: tarfile.TarFile, name: str) -> list[tuple[str, np.ndarray]]:
    texts = {key: text for key, _, text in _fields(archive, f"{name}_GroundTruth.txt", 3)}
    ratings = {key: rated for key, _, _, rated in _fields(archive, f"{name}_anonDataRatings.txt", 4)}
    pairs = [(html.unescape(text).strip(), ratings[key]) for key, text in texts.items() if key in ratings]
    parsed = [(text, np.array(ast.literal_eval(rated), dtype=float)) for text, rated in pairs if text]
    return [(text, values) for text, values in parsed if len(values) >= _LEAST_RATERS]


def _fields(archive: tarfile.TarFile, file: str, n: int) -> list[list[str]]:
    """The lines of a file that have n fields; the first may begin with a byte order mark."""
    member = archive.extractfile(f"hutto_ICWSM_2014/{file}")
    if member is None:
        raise ProblemError(f"{_ARCHIVE} holds no {file}")
    lines = member.read().decode("utf-8-sig", errors="replace").splitlines()
    return [fields for line in lines if len(fields := line.strip().split("\t", n - 1)) == n]


def _left_out(rated: list[tuple[str, np.ndarray]], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One rater's opinion (n,), and the mean of all others' (n,)."""
    chosen = [int(rng.integers(len(ratings))) for _, ratings in rated]
    opinions = np.array([ratings[k] for k, (_, ratings) in zip(chosen, rated, strict=True)])
    others = [np.delete(ratings, k).mean() for k, (_, ratings) in zip(chosen, rated, strict=True)]
    return opinions, np.array(others)


def _speakers(texts: list[str], rng: np.random.Generator) -> np.ndarray:
    """Numbers of voices (n,), in equal shares; equal sentences are said within one session."""
    sentences, of_row = np.unique([" ".join(sorted(words(text))) for text in texts], return_inverse=True)
    session = rng.permutation(len(sentences)) % 5
    return np.asarray(2 * session[of_row] + rng.permutation(len(texts)) % 2)


# ------------------------------------------------------------------ the voice


@dataclass(frozen=True)
class _Line:
    """What is said how, and how loud the noise is, in dB below the voice."""

    text: str
    prosody: Prosody
    noise: float
    seed: int


def _script(
    gain: float, texts: tuple[str, ...], opinions: np.ndarray, speakers: np.ndarray, rng: np.random.Generator
) -> list[_Line]:
    lines = []
    for text, opinion, voice in zip(texts, opinions, speakers, strict=True):
        excited = gain * opinion / _LARGEST
        chance = rng.standard_normal(4)
        prosody = Prosody(
            voice=f"en+{VOICES[voice]}",
            rate=int(np.clip(175 + 35 * excited + 12 * chance[0], 80, 450)),
            volume=int(np.clip(100 + 30 * excited + 10 * chance[1], 20, 200)),
            pitch=int(np.clip(45 + 25 * excited + 8 * chance[2], 0, 99)),
            spread=int(np.clip(50 + 30 * excited + 10 * chance[3], 0, 99)),
        )
        lines.append(_Line(text, prosody, rng.uniform(10.0, 30.0), int(rng.integers(2**62))))
    return lines


def _cached(options: VaderSpoken, script: list[_Line]) -> np.ndarray:
    """Features (n, 166) of the script, from the cache where it has exactly these, else spoken and kept."""
    try:
        version = metadata.version("espeakng-loader")
    except metadata.PackageNotFoundError:
        raise MissingExtraError("espeakng-loader", "multimodal") from None
    key = hashlib.sha256(repr((script, version, N_STATISTICS)).encode()).hexdigest()[:16]
    file = cache_folder() / f"vader-spoken-{options.source}-{key}.npz"
    stored = read_arrays(file)
    if stored is not None and stored.keys() == {"features"} and len(stored["features"]) == len(script):
        return stored["features"]
    features = _spoken(script)
    with suppress(OSError):  # a folder that cannot be written means no cache, not no data
        write_arrays(file, features=features)
    return features


def _spoken(script: list[_Line]) -> np.ndarray:
    features = np.empty((len(script), N_STATISTICS), dtype=np.float32)
    with speaker() as voice:
        for i, line in enumerate(script):
            if i % _TOLD_EVERY == 0:
                _LOG.info("speaking %d of %d sentences", i, len(script))
            features[i] = statistics(_noisy(voice.say(line.text, line.prosody), line), voice.hertz)
    return features


def _noisy(signal: np.ndarray, line: _Line) -> np.ndarray:
    """With white noise; a silence stays one."""
    loudness = np.sqrt(np.mean(np.square(signal))) if len(signal) else 0.0
    noise = np.random.default_rng(line.seed).standard_normal(len(signal))
    return np.asarray(signal + loudness * 10.0 ** (-line.noise / 20.0) * noise)
