"""VADER-spoken on a small package in its layout; what its real one holds is checked where it is there."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from types import SimpleNamespace

import numpy as np
import pytest

from moo.errors import MissingExtraError, OptionError
from moo.multimodal.data import vader_spoken
from moo.multimodal.data.vader_spoken import VOICES, VaderSpoken

PROCESS = """
import hashlib, pathlib, sys, types
from moo.multimodal.data import vader_spoken
file = pathlib.Path(sys.argv[1])
vader_spoken.PACKAGE = types.SimpleNamespace(file=file.name, fetched=lambda: file)
data = vader_spoken.VaderSpoken(rows=50).load()
parts = [data.samples.modalities["speech"], data.samples.modalities["text"], data.samples.labels]
bytes_of = [part.numpy().tobytes() for part in parts] + [rows.tobytes() for rows in data.split.values()]
print(hashlib.sha256(b"".join(bytes_of)).hexdigest())
"""
WORDS = ("sunny", "rainy", "grey", "lovely", "awful", "fine", "plain", "bright")
N = 80


def _add(archive, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def write_package(file, extra=()):
    """80 sentences of twenty ratings around -2, 0 or 2, and lines that cannot be used."""
    rng = np.random.default_rng(0)
    texts, rated = [], []
    for i in range(N):
        mean = (-2, 0, 2)[i % 3]
        ratings = np.clip(np.round(rng.normal(mean, 0.7, 20)), -4, 4).astype(int).tolist()
        text = f"a {WORDS[i % 8]} day, number {i}" if i != 7 else "&quot;tea&quot; &amp; cake"
        texts.append(f"{i}\t{np.mean(ratings)}\t{text}")
        rated.append(f"{i}\t{np.mean(ratings)}\t{np.std(ratings)}\t{ratings}")
    texts += ["200\t0.1\tthis is shit", "201\t0.1", "202\t0.1\tno ratings", "203\t0.0\tfew ratings", *extra]
    rated += [f"200\t0.1\t1\t{[0] * 20}", f"201\t0.1\t1\t{[0] * 20}", "203\t0\t1\t[0, 0]"]
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as archive:
        for name in ("tweets", "amazonReviewSnippets"):
            ground = "\r\n".join(texts).encode()
            _add(archive, f"hutto_ICWSM_2014/{name}_GroundTruth.txt", ground)
            ratings = "\ufeff" + "\r\n".join(rated)
            _add(archive, f"hutto_ICWSM_2014/{name}_anonDataRatings.txt", ratings.encode("utf-8"))
    with tarfile.open(file, "w:gz") as outer:
        _add(outer, vader_spoken._ARCHIVE, inner.getvalue())
    return file


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return write_package(tmp_path_factory.mktemp("package") / "vader.tar.gz")


@pytest.fixture(autouse=True)
def small(package, own_cache, monkeypatch):
    kept = SimpleNamespace(file=package.name, fetched=lambda: package)
    monkeypatch.setattr(vader_spoken, "PACKAGE", kept)


@pytest.fixture
def spoken(monkeypatch):
    """The scripts that were spoken, without a sound: features that show pitch and length."""
    scripts = []

    def speak(script):
        scripts.append(script)
        features = np.zeros((len(script), vader_spoken.N_STATISTICS), dtype=np.float32)
        features[:, 0] = [line.prosody.pitch for line in script]
        features[:, 1] = [len(line.text) for line in script]
        return features

    monkeypatch.setattr(vader_spoken, "_spoken", speak)
    monkeypatch.setattr(vader_spoken, "write_arrays", lambda *_, **__: None)
    return scripts


class TestRows:
    def test_are_the_sentences_that_can_be_used(self, spoken):
        data = VaderSpoken().load()
        assert len(data) == N
        assert '"tea" & cake' in data.texts
        assert not any("shit" in text for text in data.texts)
        assert data.class_names == ("negative", "neutral", "positive")

    def test_both_sources_are_twice_as_many(self, spoken):
        assert len(VaderSpoken(source="both").load()) == 2 * N

    def test_the_label_is_of_the_mean_without_the_one_left_out(self, spoken):
        data = VaderSpoken().load()
        valence = data.samples.targets["valence"].numpy()
        expected = np.where(valence < -0.5, 0, np.where(valence <= 0.5, 1, 2))
        np.testing.assert_array_equal(data.samples.labels, expected)
        assert sorted(np.bincount(data.samples.labels)) == [26, 27, 27]

    @pytest.mark.parametrize(("mean", "label"), [(-0.5, 1), (0.5, 1), (0.5001, 2), (-0.5001, 0)])
    def test_neutral_is_up_to_half_a_point_from_zero(self, spoken, monkeypatch, mean, label):
        monkeypatch.setattr(
            vader_spoken, "_left_out", lambda rated, rng: (np.zeros(len(rated)), np.full(len(rated), mean))
        )
        assert set(VaderSpoken().load().samples.labels.tolist()) == {label}

    def test_fewer_can_be_asked_for(self, spoken):
        data = VaderSpoken(rows=60).load()
        assert len(data) == 60
        assert set(data.texts) <= set(VaderSpoken().load().texts)


class TestSpeakers:
    def test_sessions_do_not_share_speakers_and_splits_do_not_share_sessions(self, spoken):
        data = VaderSpoken(test_session=2).load()
        speakers = {name: set(data.groups["speaker"][rows]) for name, rows in data.split.items()}
        assert speakers["test"] == set(VOICES[2:4])
        assert speakers["validation"] == set(VOICES[4:6])
        assert speakers["train"] == {*VOICES[:2], *VOICES[6:]}

    def test_the_last_sessions_successor_is_the_first(self, spoken):
        data = VaderSpoken(test_session=5).load()
        assert set(data.groups["session"][data.split["validation"]]) == {1}

    def test_equal_sentences_are_in_one_session(self, spoken):
        data = VaderSpoken(source="both").load()  # here the same sentences twice
        sessions = {}
        for text, session in zip(data.texts, data.groups["session"], strict=True):
            sessions.setdefault(text, set()).add(session)
        assert all(len(found) == 1 for found in sessions.values())

    def test_speech_is_of_mean_0_within_each_speaker(self, spoken):
        data = VaderSpoken().load()
        speech = data.samples.modalities["speech"].numpy()
        for name in VOICES:
            np.testing.assert_allclose(speech[data.groups["speaker"] == name].mean(0), 0.0, atol=1e-5)


class TestVoice:
    def test_follows_the_one_left_out_as_far_as_the_gain_says(self, spoken, monkeypatch):
        opinions = np.where(np.arange(N) % 2, 4.0, -4.0)
        monkeypatch.setattr(vader_spoken, "_left_out", lambda rated, rng: (opinions, np.zeros(N)))
        apart = {}
        for gain in (0.0, 0.5, 1.0):
            VaderSpoken(gain=gain).load()
            pitch = np.array([line.prosody.pitch for line in spoken[-1]])
            apart[gain] = pitch[opinions > 0].mean() - pitch[opinions < 0].mean()
        assert abs(apart[0.0]) < 5
        assert 15 < apart[0.5] < 35
        assert 40 < apart[1.0] < 60

    def test_never_follows_the_label(self, spoken, monkeypatch):
        """The same opinions with other labels make the same script."""
        for valence in (-2.0, 2.0):
            monkeypatch.setattr(
                vader_spoken, "_left_out", lambda rated, rng, v=valence: (np.ones(N), np.full(N, v))
            )
            VaderSpoken().load()
        assert spoken[0] == spoken[1]

    def test_the_same_options_make_the_same_script_and_another_seed_another(self, spoken):
        for seed in (0, 0, 1):
            VaderSpoken(seed=seed).load()
        assert spoken[0] == spoken[1] != spoken[2]


class TestSound:
    def test_is_the_same_in_another_process(self, package, tmp_path):
        """Each with a cache of its own, and with another order of Python's sets."""
        digests = []
        for seed in ("1", "2"):
            own = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / seed), "PYTHONHASHSEED": seed}
            command = [sys.executable, "-c", PROCESS, str(package)]
            done = subprocess.run(command, env=own, capture_output=True, text=True, check=True)
            digests.append(done.stdout.strip())
        assert len(digests[0]) == 64
        assert digests[0] == digests[1]

    def test_is_spoken_once_and_then_read_from_the_cache(self, monkeypatch, own_cache):
        first = VaderSpoken(rows=50).load()
        monkeypatch.setattr(vader_spoken, "_spoken", lambda script: pytest.fail("spoken again"))
        again = VaderSpoken(rows=50).load()
        assert np.array_equal(first.samples.modalities["speech"], again.samples.modalities["speech"])
        assert list(own_cache.glob("vader-spoken-tweets-*.npz"))

    def test_a_cache_that_cannot_be_written_is_no_error(self, tmp_path, monkeypatch):
        (tmp_path / "moo").write_text("in the way")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert VaderSpoken(rows=50).load().samples.modalities["speech"].isfinite().all()

    def test_without_the_library_the_extra_is_named(self, monkeypatch):
        def missing(name):
            raise vader_spoken.metadata.PackageNotFoundError(name)

        monkeypatch.setattr(vader_spoken.metadata, "version", missing)
        with pytest.raises(MissingExtraError, match=r"moo\[multimodal\]"):
            VaderSpoken().load()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "tweet"}, "did you mean 'tweets'"),
        ({"gain": 1.5}, "gain=1.5 is not accepted"),
        ({"test_session": 6}, "test_session=6 is not accepted: give 1 to 5"),
        ({"rows": 10}, "rows=10 is not accepted: give an integer >= 50"),
        ({"n_words": 0}, "n_words=0"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        VaderSpoken(**options)
