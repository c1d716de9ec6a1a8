"""IEMOCAP in its published format: who speaks, which split, and files with anything wrong in them."""

from __future__ import annotations

import shutil
import wave
from itertools import combinations

import numpy as np
import pytest
import torch
from folders import iemocap, tone, wav
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile

from moo.errors import OptionError, ProblemError
from moo.multimodal.data import SPLITS
from moo.multimodal.data.audio import N_MELS, N_STATISTICS
from moo.multimodal.data.iemocap import IEMOCAP, _features, read_wav

pytestmark = pytest.mark.usefixtures("own_cache")

TURN = "Ses01F_impro01_F000"


@pytest.fixture
def root(tmp_path):
    return iemocap(tmp_path / "iemocap")


def evaluation(root, dialog="Ses01F_impro01"):
    return root / f"Session{dialog[4]}" / "dialog" / "EmoEvaluation" / f"{dialog}.txt"


def transcript(root, dialog="Ses01F_impro01"):
    return root / f"Session{dialog[4]}" / "dialog" / "transcriptions" / f"{dialog}.txt"


def speech(root, turn=TURN):
    return root / "Session1" / "sentences" / "wav" / turn.rpartition("_")[0] / f"{turn}.wav"


def replaced(file, old, new):
    content = file.read_bytes()
    assert old in content
    file.write_bytes(content.replace(old, new, 1))


def test_four_classes_of_which_happy_includes_excited(root):
    data = IEMOCAP(root).load()
    assert (
        len(data) == 5 * 3 * 2 * 5
    )  # sessions, dialogs, speakers, turns: two of the seven codes are no class
    assert data.class_names == ("ang", "hap", "neu", "sad")
    assert np.bincount(data.samples.labels.numpy()).tolist() == [30, 60, 30, 30]
    assert data.items[:3] == (TURN, "Ses01F_impro01_F001", "Ses01F_impro01_F002")
    assert data.samples.labels[:5].tolist() == [0, 1, 1, 2, 3]
    assert data.skipped == ()


def test_excited_is_a_class_of_its_own_where_it_is_listed(root):
    data = IEMOCAP(root, classes=("exc", "fru", "hap")).load()
    assert data.class_names == ("exc", "fru", "hap")
    assert np.bincount(data.samples.labels.numpy()).tolist() == [30, 30, 30]
    assert set(IEMOCAP(root, classes=["neu", "sad"]).load().samples.labels.tolist()) == {0, 1}


def test_texts_targets_and_speech(root):
    data = IEMOCAP(root, n_words=10).load()
    assert data.texts[0] == "Excuse ang me [LAUGHTER]."
    assert data.samples.modalities["text"].shape == (150, 10)
    assert data.samples.modalities["speech"].shape == (150, N_STATISTICS)
    assert all(values.dtype == torch.float32 for values in data.samples.modalities.values())
    targets = {name: values[:3].tolist() for name, values in data.samples.targets.items()}
    assert targets == {"valence": [2.5] * 3, "activation": [1.0, 1.25, 1.5], "dominance": [3.0] * 3}


def test_the_speaker_is_the_last_letter_not_the_first(root):
    data = IEMOCAP(root).load()
    speakers = data.groups["speaker"]
    assert len(set(speakers.tolist())) == 10
    for turn, speaker, session, dialog in zip(
        data.items, speakers, data.groups["session"], data.groups["dialog"], strict=True
    ):
        assert speaker == f"{turn[:5]}_{turn[-4]}"
        assert turn.startswith(f"{dialog}_")
        assert int(turn[4]) == session
    assert "Ses01_M" in speakers  # who speaks in dialogs called Ses01F, too


def test_speech_is_alike_within_each_speaker(root):
    data = IEMOCAP(root).load()
    for speaker in set(data.groups["speaker"].tolist()):
        rows = data.samples.modalities["speech"][torch.from_numpy(data.groups["speaker"] == speaker)]
        assert rows.mean(0).abs().max() < 1e-4
        assert rows.std(0, correction=0).max() == pytest.approx(1.0, abs=1e-3)


def test_the_vocabulary_is_that_of_the_training_split(root):
    for letter, number in (("F", 0), ("M", 7)):
        turn = f"Ses05F_impro01_{letter}{number:03d}".encode()
        file = transcript(root, "Ses05F_impro01")
        line = next(line for line in file.read_bytes().splitlines() if line.startswith(turn))
        replaced(file, line, line.partition(b"]: ")[0] + b"]: Zebra zebra")
    data = IEMOCAP(root).load()
    heard = [i for i, text in enumerate(data.texts) if text == "Zebra zebra"]
    assert len(heard) == 2
    assert (data.samples.modalities["text"][heard] == 0).all()
    assert (data.samples.modalities["text"][data.split["train"]].norm(dim=1) > 0.99).all()


# ------------------------------------------------------------------ the split


@pytest.mark.parametrize("session", [1, 3, 5])
def test_the_test_session_is_in_no_other_split(root, session):
    data = IEMOCAP(root, test_session=session).load()
    of = data.groups["session"]
    assert set(of[data.split["test"]].tolist()) == {session}
    assert len(data.split["test"]) == 30
    trained = np.concatenate([data.split["train"], data.split["validation"]])
    assert set(of[trained].tolist()) == {1, 2, 3, 4, 5} - {session}


def test_validation_is_a_tenth_of_the_dialogs_whole(root):
    data = IEMOCAP(root).load()
    parts = [set(data.groups["dialog"][data.split[name]].tolist()) for name in SPLITS]
    assert all(not one & other for one, other in combinations(parts, 2))
    drawn = {frozenset(_validation_dialogs(root, seed)) for seed in range(8)}
    assert len(drawn) > 2
    for dialogs in drawn:  # both parts of a script, or an improvised dialog
        assert {dialog.rstrip("b") for dialog in dialogs} == {min(dialogs)}
        assert len(dialogs) == (2 if "script" in min(dialogs) else 1)


def _validation_dialogs(root, seed):
    data = IEMOCAP(root, seed=seed).load()
    return data.groups["dialog"][data.split["validation"]].tolist()


def test_validation_can_be_a_session(root):
    data = IEMOCAP(root, test_session=1, validation_session=4).load()
    assert set(data.groups["session"][data.split["validation"]].tolist()) == {4}
    assert set(data.groups["session"][data.split["train"]].tolist()) == {2, 3, 5}


def test_scripted_dialogs_can_be_left_out(root):
    data = IEMOCAP(root, improvised=True, validation_session=1).load()
    assert {dialog[7:] for dialog in data.groups["dialog"].tolist()} == {"impro01"}
    assert len(data) == 50


def test_the_folder_above_will_do(tmp_path):
    iemocap(tmp_path / "IEMOCAP_full_release", dialogs=("impro01",))
    assert len(IEMOCAP(tmp_path, validation_session=1).load()) == 50


# ------------------------------------------------------------------ what lies in the folders


def test_other_files_of_the_release_are_passed_over(root):
    folder = evaluation(root).parent
    (folder / "._Ses01F_impro01.txt").write_bytes(b"\0\5\x16\7[1.0 - 2.0]\tx\n[1.0 - 2.0]\tx\n")
    for inner, line in (("Attribute", ":act 4; :val 3; :dom 2;"), ("Categorical", ":Neutral state;")):
        (folder / inner).mkdir()
        (folder / inner / "Ses01F_impro01_e2_atr.txt").write_text(f"{TURN} {line}\n[1.0 - 2.0]\tx\n")
    data = IEMOCAP(root).load()
    assert len(data) == 150
    assert data.skipped == ()


def test_latin_1_is_read(root):
    replaced(transcript(root), b"Excuse ang me", b"Caf\xe9")
    assert IEMOCAP(root).load().texts[0] == "Café [LAUGHTER]."


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (b"]\tSes01F", b"] Ses01F", "line 3: expected [START - END], turn, emotion and [V, A, D], with tabs"),
        (b"[2.5000, 1.0000", b"[2.5000", "line 3: [2.5000, 3.0000] is not three numbers"),
        (b"[2.5000, 1.0000", b"[2.5000, nan", "line 3: [2.5000, nan, 3.0000] is not three numbers"),
        (b"[2.5000, 1.0000", b"[2.5000, high", "line 3: [2.5000, high, 3.0000] is not three numbers"),
        (b"\tang\t", b"\tagn\t", "line 3: the emotion 'agn' is unknown, expected one of ang, dis, exc"),
        (b"_F000", b"_FXX0", "line 3: Ses01F_impro01_FXX0 is no turn of Session1, dialog Ses01F_impro01"),
        (b"Ses01F_impro01_F000", b"Ses01F_impro02_F000", "is no turn of Session1, dialog Ses01F_impro01"),
    ],
)
def test_a_line_that_cannot_be_used_is_reported_and_the_rest_stays(root, old, new, sentence):
    replaced(evaluation(root), old, new)
    data = IEMOCAP(root).load()
    assert len(data) == 149
    assert TURN not in data.items
    (reported,) = data.skipped
    assert reported.startswith(f"{evaluation(root)} ")
    assert sentence in reported


@pytest.mark.parametrize("said", [b"", b" ", b"no bracket"])
def test_a_turn_without_its_transcript_is_reported(root, said):
    line = f"{TURN} [006.0000-007.5000]: Excuse ang me [LAUGHTER].".encode()
    replaced(transcript(root), line, said if said == b"no bracket" else line.partition(b" Excuse")[0] + said)
    data = IEMOCAP(root).load()
    assert len(data) == 149
    assert data.skipped == (f"{evaluation(root)} line 3: {TURN} has no transcript in {transcript(root)}",)


def test_a_missing_file_of_transcripts_costs_its_dialog(root):
    transcript(root).unlink()
    data = IEMOCAP(root).load()
    assert len(data) == 140
    assert data.skipped[0] == f"there is no file {transcript(root)}"
    assert len(data.skipped) == 11


def _broken(file, how):
    if how == "missing":
        file.unlink()
    elif how == "cut":
        file.write_bytes(file.read_bytes()[:-100])
    elif how == "header":
        file.write_bytes(file.read_bytes()[:20])
    elif how == "text":
        file.write_text("no speech")
    elif how == "nan":
        wavfile.write(file, 16_000, np.full(800, np.nan, dtype=np.float32))
    elif how == "empty":
        wav(file, np.zeros(0))
    elif how == "rate":
        wav(file, tone(200), rate=3)


BROKEN = {
    "missing": "there is no file {}",
    "cut": "{} cannot be read as a wav file: Reached EOF prematurely",
    "header": "{} cannot be read as a wav file: ",
    "text": "{} cannot be read as a wav file: File format b'no s' not understood",
    "nan": "{} holds samples that are not finite",
    "empty": "{} holds no samples",
    "rate": "{} has a rate of 3 Hz, expected 1000 to 384000",
}


@pytest.mark.parametrize("how", BROKEN)
def test_speech_that_cannot_be_read_is_reported_and_the_rest_stays(root, how):
    _broken(speech(root), how)
    data = IEMOCAP(root).load()
    assert len(data) == 149
    assert TURN not in data.items
    (reported,) = data.skipped
    assert reported.startswith(f"{evaluation(root)} line 3: " + BROKEN[how].format(speech(root)))
    found = data.samples.modalities["speech"]
    assert torch.isfinite(found).all()
    others = data.groups["session"] > 1  # whose rows are as if nothing had happened
    (root / "whole").mkdir()
    whole = IEMOCAP(iemocap(root / "whole")).load()
    unharmed = whole.samples.modalities["speech"][torch.from_numpy(whole.groups["session"] > 1)]
    assert torch.equal(found[torch.from_numpy(others)], unharmed)


def test_a_dialog_in_the_folder_of_another_session_is_reported(root):
    file = evaluation(root)
    for folder in ("EmoEvaluation", "transcriptions"):
        name = root / "Session2" / "dialog" / folder / file.name
        shutil.copy(root / "Session1" / "dialog" / folder / file.name, name)
    data = IEMOCAP(root).load()
    assert len(data) == 150
    assert len(data.skipped) == 14
    assert data.skipped[0].endswith(f"line 3: {TURN} is no turn of Session2, dialog Ses01F_impro01")


def test_a_missing_session_is_reported(root):
    shutil.rmtree(root / "Session2")
    data = IEMOCAP(root).load()
    assert len(data) == 120
    assert data.skipped == (f"there is no folder {root / 'Session2'}",)
    with pytest.raises(ProblemError, match=r"nothing is left for the split 'test' .*no folder .*Session2"):
        IEMOCAP(root, test_session=2).load()


def test_speech_that_is_nowhere_is_one_sentence(root):
    for session in root.iterdir():
        shutil.rmtree(session / "sentences")
    with pytest.raises(
        ProblemError, match=r"no turn of ang, hap, neu, sad \(left out: 150, .*there is no file .*wav"
    ):
        IEMOCAP(root).load()


def test_a_folder_without_sessions_is_one_sentence(tmp_path):
    with pytest.raises(ProblemError, match=r"give root=, the folder with Session1/ to Session5/ of IEMOCAP"):
        IEMOCAP().load()
    with pytest.raises(ProblemError, match=r"no turn of .* the first: there is no folder .*Session1"):
        IEMOCAP(tmp_path).load()


def test_a_class_of_one_turn_is_kept(root):
    replaced(evaluation(root), b"\tfru\t", b"\tfea\t")
    data = IEMOCAP(root, classes=("ang", "fea"), validation_session=2).load()
    assert np.bincount(data.samples.labels.numpy()).tolist() == [30, 1]
    assert np.isin(np.flatnonzero(data.samples.labels.numpy()), data.split["train"]).all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"test_session": 6}, "test_session=6 is not accepted: give 1 to 5"),
        ({"validation_session": 5}, "validation_session=5 is not accepted: give None or one of 1, 2, 3, 4"),
        ({"classes": ("ang", "happy")}, "unknown emotion 'happy': did you mean 'hap'"),
        ({"classes": ("ang", "xxx")}, "unknown emotion 'xxx'"),
        ({"classes": ("ang",)}, "give two or more different emotions"),
        ({"classes": ("ang", "ang")}, "give two or more different emotions"),
        ({"classes": "ang"}, "classes='ang' is not accepted"),
        ({"n_words": 0}, "n_words=0 is not accepted: give an integer >= 1"),
        ({"seed": -1}, "seed=-1 is not accepted"),
    ],
)
def test_options_out_of_range_are_refused(options, sentence):
    with pytest.raises(OptionError, match=sentence):
        IEMOCAP(**options)


@pytest.fixture(scope="module")
def two_sessions(tmp_path_factory):
    return iemocap(tmp_path_factory.mktemp("two"), sessions=(4, 5), dialogs=("impro01", "impro02"))


@given(st.lists(st.binary(max_size=60), max_size=4), st.booleans())
def test_any_lines_beside_good_ones_do_no_harm(two_sessions, lines, as_transcript):
    file = (transcript if as_transcript else evaluation)(two_sessions, "Ses04F_impro01")
    kept, added = file.read_bytes(), b"[" + b"\n[".join(lines)
    try:
        file.write_bytes(kept + added)
        data = IEMOCAP(two_sessions).load()
    finally:
        file.write_bytes(kept)
    assert len(data) == 40
    missing_sessions = 3
    assert len(data.skipped) <= missing_sessions + len(added.splitlines())


# ------------------------------------------------------------------ wav files


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_full_scale_is_one_whatever_the_samples_are(tmp_path, kind):
    signal = tone(200) / 2
    scale = {np.uint8: 127, np.int16: 2**15 - 1, np.int32: 2**31 - 1}.get(kind, 1)
    stored = signal * scale + (128 if kind is np.uint8 else 0)
    wavfile.write(
        tmp_path / "a.wav", 16_000, stored.round().astype(kind) if scale > 1 else stored.astype(kind)
    )
    found, rate = read_wav(tmp_path / "a.wav")
    assert rate == 16_000
    assert found.dtype == np.float32
    assert np.abs(found - signal).max() < (0.02 if kind is np.uint8 else 1e-4)


def test_three_bytes_a_sample(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as stream:
        stream.setparams((1, 3, 16_000, 0, "NONE", ""))
        stream.writeframes(b"\x00\x00\x40" * 10)
    assert read_wav(tmp_path / "a.wav")[0].tolist() == [0.5] * 10


def test_channels_are_averaged(tmp_path):
    wavfile.write(tmp_path / "a.wav", 8_000, np.stack([tone(100), -tone(100) / 2], axis=1).astype(np.float32))
    found, rate = read_wav(tmp_path / "a.wav")
    assert rate == 8_000
    assert found == pytest.approx(tone(100) / 4, abs=1e-6)


@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_another_rate_gives_the_same_pitch(tmp_path, rate):
    wav(tmp_path / "a.wav", 0.5 * tone(150, 0.3))
    wav(tmp_path / "b.wav", 0.5 * tone(150, 0.3, rate), rate)
    first, second = _features(tmp_path / "a.wav"), _features(tmp_path / "b.wav")
    assert second[4 * N_MELS] == pytest.approx(first[4 * N_MELS], abs=0.03) == pytest.approx(1.585, abs=0.05)


def test_metadata_in_a_wav_file_is_passed_over(tmp_path):
    wav(tmp_path / "a.wav", tone(200))
    whole = (tmp_path / "a.wav").read_bytes()
    note = b"note\x04\x00\x00\x00abcd"
    size = (len(whole) + len(note) - 8).to_bytes(4, "little")
    (tmp_path / "b.wav").write_bytes(whole[:4] + size + whole[8:36] + note + whole[36:])
    assert np.array_equal(read_wav(tmp_path / "b.wav")[0], read_wav(tmp_path / "a.wav")[0])


@given(start=st.integers(0, 60), patch=st.binary(min_size=1, max_size=8))
def test_a_damaged_header_gives_samples_or_one_sentence(tmp_path_factory, start, patch):
    file = tmp_path_factory.getbasetemp() / "damaged.wav"
    wav(file, tone(200, 0.02))
    whole = file.read_bytes()
    file.write_bytes(whole[:start] + patch + whole[start + len(patch) :])
    found = _found(file)
    assert isinstance(found, np.ndarray) or (str(file) in found and "\n" not in found)


def _found(file):
    try:
        return read_wav(file)[0]
    except ProblemError as error:
        return str(error)
