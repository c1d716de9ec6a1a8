"""IEMOCAP: emotion in acted dialogues, from speech and its transcript."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from moo.errors import OptionError, ProblemError, unknown_name
from moo.multimodal.data.audio import N_STATISTICS, normalised_by_speaker, statistics
from moo.multimodal.data.base import MultimodalData, Samples, check_integer
from moo.multimodal.data.folders import (
    FolderDataSet,
    because,
    cached_rows,
    held_out,
    read_lines,
    split_rows,
)
from moo.multimodal.data.text import tf_idf, words

SESSIONS = (1, 2, 3, 4, 5)
CODES = ("ang", "dis", "exc", "fea", "fru", "hap", "neu", "oth", "sad", "sur")
RATINGS = ("valence", "activation", "dominance")
SHARE = 0.1  # of the training sessions' dialogs, for the validation split
RATES = (1_000, 384_000)  # Hz
_VERSION = 1  # of the features
_TURN = re.compile(r"(?P<dialog>Ses0(?P<session>\d)[FM]_\w+)_(?P<letter>[FM])\d+")
_SUMMARY = re.compile(r"\[[^\]]*\]\t(?P<turn>[^\t]+)\t(?P<code>[a-z]{3})\t\[(?P<ratings>[^\]]*)\]\s*")
_SPOKEN = re.compile(r"(?P<turn>\w+) \[[^\]]*\]:(?P<text>.*)")


@dataclass(frozen=True)
class IEMOCAP(FolderDataSet):
    """IEMOCAP: ten actors in 151 dialogs, each turn with its speech, transcript and rated emotion.

    Modalities: "speech" (n, 166), float32, the `statistics` of the turn, with mean 0 and deviation 1
    within each speaker (over all turns that are used, whose labels it does not need); "text"
    (n, n_words), float32, the transcript as a bag of words: TF-IDF over the words most frequent in the
    training split; "[LAUGHTER]" counts as a word. Targets: "valence", "activation" and "dominance" (n,),
    float32, the raters' means on 1 to 5. ``groups``: "speaker" (of ten, such as "Ses01_F": the session
    and the last letter of the turn's name, not the one that says who wears the markers), "session" and
    "dialog".

    The test split is a session whose two speakers are in no other. Validation is a tenth of the other
    sessions' dialogs, at random (a script's parts "_1" and "_1b" stay together), so with speakers of the
    training split; or a session of its own. Scripted dialogs have the same sentences in all sessions, so
    that a text model can know them from training; ``improvised=True`` leaves them out.

    What the folder holds: ``Session1`` to ``Session5``, or ``IEMOCAP_full_release`` with them; in each
    ``dialog/EmoEvaluation/*.txt``, ``dialog/transcriptions/*.txt`` and ``sentences/wav/DIALOG/TURN.wav``.
    Turns without agreement of the raters ("xxx") or of other emotions are not used. The statistics are
    computed once and kept in ``$XDG_CACHE_HOME/moo`` (``~/.cache/moo``).

    Source: Busso et al., IEMOCAP: interactive emotional dyadic motion capture database, 2008; given by
    the University of Southern California on a licence for research.

    Args:
        root: the folder.
        test_session: 1 to 5.
        validation_session: another, or None for a tenth of the training sessions' dialogs.
        classes: two or more of ang, dis, exc, fea, fru, hap, neu, oth, sad, sur; "hap" takes in "exc"
            where that is not a class itself.
        improvised: leave the scripted dialogs out.
        n_words: words of the vocabulary.
        seed: of the draw of dialogs.

    Raises:
        OptionError: for an option out of its range.
        ProblemError: by ``load``, when nothing in the folder can be used.
    """

    test_session: int = 5
    validation_session: int | None = None
    classes: Sequence[str] = ("ang", "hap", "neu", "sad")
    improvised: bool = False
    n_words: int = 512
    seed: int = 0

    expects: ClassVar[str] = (
        "the folder with Session1/ to Session5/ of IEMOCAP, which the University of Southern California "
        "gives on request (https://sail.usc.edu/iemocap; licence for research)"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("n_words", self.n_words, 1)
        check_integer("seed", self.seed, 0)
        self._check_sessions()
        self._check_classes()

    def _check_sessions(self) -> None:
        if self.test_session not in SESSIONS:
            raise OptionError(f"test_session={self.test_session!r} is not accepted: give 1 to 5")
        others = [session for session in SESSIONS if session != self.test_session]
        if self.validation_session is not None and self.validation_session not in others:
            raise OptionError(
                f"validation_session={self.validation_session!r} is not accepted: give None or one of "
                f"{', '.join(map(str, others))}"
            )

    def _check_classes(self) -> None:
        given = self.classes
        if not isinstance(given, tuple | list) or len(given) < 2 or len(set(map(str, given))) < len(given):
            raise OptionError(f"classes={given!r} is not accepted: give two or more different emotions")
        for code in given:
            if code not in CODES:
                raise OptionError(unknown_name("emotion", str(code), CODES))

    def _read(self, root: Path, skipped: list[str]) -> MultimodalData:
        release = root / "IEMOCAP_full_release"
        release = release if release.is_dir() else root
        listed = [turn for k in SESSIONS for turn in self._turns(release / f"Session{k}", skipped)]
        turns, features = _heard(listed, skipped)
        if not turns:
            raise ProblemError(f"{root} has no turn of {', '.join(self.classes)}{because(skipped)}")
        parts = self._parts(turns)
        split = split_rows(parts, skipped)
        texts = tuple(turn.text for turn in turns)
        text = tf_idf([words(said) for said in texts], split["train"], self.n_words)
        speakers = np.array([turn.speaker for turn in turns])
        speech = normalised_by_speaker(features, speakers)
        return MultimodalData(
            Samples(
                {"speech": torch.from_numpy(speech), "text": torch.from_numpy(text)},
                torch.tensor([self.classes.index(turn.emotion) for turn in turns]),
                targets=_targets(turns),
            ),
            tuple(self.classes),
            split,
            items=tuple(turn.name for turn in turns),
            texts=texts,
            groups={
                "speaker": speakers,
                "session": np.array([turn.session for turn in turns]),
                "dialog": np.array([turn.dialog for turn in turns]),
            },
            skipped=tuple(skipped),
        )

    def _turns(self, session: Path, skipped: list[str]) -> Iterator[_Turn]:
        """The turns of a session that are of the classes and have a transcript."""
        if not session.is_dir():
            skipped.append(f"there is no folder {session}")
            return
        renamed = {} if "exc" in self.classes else {"exc": "hap"}
        for file in _text_files(session / "dialog" / "EmoEvaluation"):
            if self.improvised and "_script" in file.stem:
                continue
            rated = [turn for turn in _rated(file, renamed, skipped) if turn.emotion in self.classes]
            yield from _with_text(rated, session / "dialog" / "transcriptions" / file.name, skipped)

    def _parts(self, turns: list[_Turn]) -> np.ndarray:
        """The split of each turn (n,)."""
        session = np.array([turn.session for turn in turns])
        parts = np.where(session == self.test_session, "test", "train").astype("<U10")
        if self.validation_session is not None:
            return np.where(session == self.validation_session, "validation", parts)
        train = np.flatnonzero(parts == "train")
        scripts = np.array([re.sub(r"[a-z]$", "", turns[i].dialog) for i in train])
        parts[train[held_out(scripts, SHARE, self.seed)]] = "validation"
        return parts


# ------------------------------------------------------------------ turns


@dataclass(frozen=True)
class _Turn:
    where: str
    name: str
    dialog: str
    session: int
    speaker: str
    emotion: str
    ratings: tuple[float, ...]
    wav: Path
    text: str = ""


def _text_files(folder: Path) -> list[Path]:
    """Those of the dialogs; macOS leaves files ``._NAME`` beside them."""
    return sorted(file for file in folder.glob("*.txt") if not file.name.startswith("._"))


def _rated(file: Path, renamed: Mapping[str, str], skipped: list[str]) -> list[_Turn]:
    """The turns on whose emotion the raters agree; the lines of single raters are passed over."""
    turns = []
    for where, line in _lines(file, skipped):
        if not line.startswith("["):
            continue
        try:
            turn = _turn(where, line, file, renamed)
        except ProblemError as error:
            skipped.append(f"{where}: {error}")
            continue
        turns.append(turn)
    return turns


def _turn(where: str, line: str, file: Path, renamed: Mapping[str, str]) -> _Turn:
    match = _SUMMARY.fullmatch(line)
    if match is None:
        raise ProblemError("expected [START - END], turn, emotion and [V, A, D], with tabs between them")
    name, code = match["turn"].strip(), match["code"]
    turn, session = _TURN.fullmatch(name), file.parents[2]
    if turn is None or turn["dialog"] != file.stem or f"Session{turn['session']}" != session.name:
        raise ProblemError(f"{name} is no turn of {session.name}, dialog {file.stem}")
    if code not in (*CODES, "xxx"):
        raise ProblemError(f"the emotion {code!r} is unknown, expected one of {', '.join(CODES)} or xxx")
    return _Turn(
        where,
        name,
        dialog=file.stem,
        session=int(turn["session"]),
        speaker=f"Ses0{turn['session']}_{turn['letter']}",
        emotion=renamed.get(code, code),
        ratings=_ratings(match["ratings"]),
        wav=session / "sentences" / "wav" / file.stem / f"{name}.wav",
    )


def _ratings(listed: str) -> tuple[float, ...]:
    try:
        ratings = tuple(float(number) for number in listed.split(","))
    except ValueError:
        ratings = ()
    if len(ratings) != 3 or not np.isfinite(ratings).all():
        raise ProblemError(f"[{listed}] is not three numbers: valence, activation, dominance")
    return ratings


def _with_text(turns: list[_Turn], file: Path, skipped: list[str]) -> Iterator[_Turn]:
    """The turns with a transcript; its lines that are no turn ("M: Okay.") are passed over."""
    matches = [_SPOKEN.fullmatch(line) for _, line in _lines(file, skipped)] if turns else []
    spoken = {match["turn"]: match["text"].strip() for match in matches if match}
    for turn in turns:
        if spoken.get(turn.name):
            yield replace(turn, text=spoken[turn.name])
        else:
            skipped.append(f"{turn.where}: {turn.name} has no transcript in {file}")


def _lines(file: Path, skipped: list[str]) -> list[tuple[str, str]]:
    try:
        return read_lines(file)
    except ProblemError as error:
        skipped.append(str(error))
        return []


def _targets(turns: list[_Turn]) -> dict[str, torch.Tensor]:
    ratings = torch.tensor([turn.ratings for turn in turns])
    return {name: ratings[:, i].clone() for i, name in enumerate(RATINGS)}


# ------------------------------------------------------------------ speech


def _heard(turns: list[_Turn], skipped: list[str]) -> tuple[list[_Turn], np.ndarray]:
    """The turns whose speech can be read, and its statistics (n, 166)."""
    files = [turn.wav for turn in turns]
    features, reasons = cached_rows(files, _features, (N_STATISTICS,), np.float32, f"speech-{_VERSION}")
    skipped += [f"{turns[i].where}: {reason}" for i, reason in reasons.items()]
    kept = [i for i in range(len(turns)) if i not in reasons]
    return [turns[i] for i in kept], features[kept]


def _features(file: Path) -> np.ndarray:
    return statistics(*read_wav(file))


def read_wav(file: Path) -> tuple[np.ndarray, int]:
    """The samples of a wav file (n,), float32, full scale 1, and their rate in Hz; several channels are
    averaged.

    Raises:
        ProblemError: when the file is missing, truncated, empty or no wav file, has samples that are not
            finite, or a rate outside 1 to 384 kHz.
    """
    rate, stored = _wav(file)
    if not RATES[0] <= rate <= RATES[1]:
        raise ProblemError(f"{file} has a rate of {rate} Hz, expected {RATES[0]} to {RATES[1]}")
    signal = _full_scale_one(stored)
    signal = signal.mean(axis=1) if signal.ndim == 2 else signal
    if len(signal) == 0:
        raise ProblemError(f"{file} holds no samples")
    if not np.isfinite(signal).all():
        raise ProblemError(f"{file} holds samples that are not finite")
    return signal, rate


def _wav(file: Path) -> tuple[int, np.ndarray]:
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", wavfile.WavFileWarning)  # the file ends too soon
            warnings.filterwarnings("ignore", "Chunk", wavfile.WavFileWarning)  # of metadata
            rate, stored = wavfile.read(file)
    except FileNotFoundError:
        raise ProblemError(f"there is no file {file}") from None
    except Exception as error:  # of a damaged file, SciPy's reader raises nearly anything
        reason = getattr(error, "strerror", None) or str(error)
        raise ProblemError(f"{file} cannot be read as a wav file: {reason}") from None
    return int(rate), np.asarray(stored)


def _full_scale_one(stored: np.ndarray) -> np.ndarray:
    if stored.dtype == np.uint8:
        return (stored.astype(np.float32) - 128.0) / 128.0
    scale = -float(np.iinfo(stored.dtype).min) if stored.dtype.kind == "i" else 1.0
    return np.asarray(stored / scale, dtype=np.float32)
