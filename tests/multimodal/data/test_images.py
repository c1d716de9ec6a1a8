"""Pictures from files: what is cut and turned, what is refused, and a cache that cannot do harm."""

from __future__ import annotations

import shutil
import sys
import warnings

import numpy as np
import pytest
from folders import picture
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from moo.errors import MissingExtraError, OptionError, ProblemError
from moo.multimodal.data import folders as module
from moo.multimodal.data.folders import cached_rows, held_out, read_json, read_lines
from moo.multimodal.data.images import read_picture

RED, BLUE = (255, 0, 0), (0, 0, 255)


def _halves(width, height):
    """Red above, blue below."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (0, height // 2, width, height))
    return image


def test_the_middle_square_is_kept(tmp_path):
    image = Image.new("RGB", (96, 32), RED)
    image.paste(BLUE, (32, 0, 64, 32))
    image.save(tmp_path / "wide.png")
    found = read_picture(tmp_path / "wide.png", 16)
    assert found.shape == (16, 16, 3)
    assert found.dtype == np.uint8
    assert (found[:, 1:-1] == BLUE).all()
    assert found[:, :, 2].min() > 230  # the filter reaches beyond the edge


@pytest.mark.parametrize("shape", [(640, 480), (100, 1000), (9, 7), (1, 1)])
def test_a_picture_of_any_shape_has_the_size_asked_for(tmp_path, shape):
    picture(tmp_path / "a.jpg", 0, *shape)
    assert read_picture(tmp_path / "a.jpg", 32).shape == (32, 32, 3)


def test_a_picture_is_turned_as_its_exif_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    _halves(64, 64).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    _halves(64, 64).save(tmp_path / "as_is.jpg", quality=95)
    as_is = read_picture(tmp_path / "as_is.jpg", 8).astype(int)
    assert as_is[0, :, 0].min() > 200 > 50 > as_is[-1, :, 0].max()
    assert np.abs(read_picture(tmp_path / "turned.jpg", 8).astype(int) - as_is[::-1]).max() < 20


@pytest.mark.parametrize("size", [16, 32, 100])
def test_a_large_jpeg_looks_as_its_full_decoding(tmp_path, size):
    tiles = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(tiles.repeat(10, axis=0).repeat(10, axis=1)).save(tmp_path / "a.jpg", quality=95)
    with Image.open(tmp_path / "a.jpg") as image:
        middle = image.convert("RGB").crop((80, 0, 560, 480))
    full = np.asarray(middle.resize((size, size), Image.Resampling.BICUBIC), dtype=int)
    assert np.abs(read_picture(tmp_path / "a.jpg", size) - full).mean() < 2


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "RGBA", "1"])
def test_other_colour_modes_become_red_green_blue(tmp_path, mode):
    kind = "jpg" if mode in ("L", "CMYK") else "png"
    Image.new("RGB", (40, 40), (200, 200, 200)).convert(mode).save(tmp_path / f"a.{kind}")
    found = read_picture(tmp_path / f"a.{kind}", 8).astype(int)
    assert found.shape == (8, 8, 3)
    assert found.mean() == pytest.approx(200, abs=60)  # "1" is dithered


def _damage(file, how):
    whole = file.read_bytes()
    file.write_bytes({"empty": b"", "text": b"no picture", "cut": whole[: len(whole) // 2]}[how])


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("empty", "a.jpg is no picture of a known format"),
        ("text", "a.jpg is no picture of a known format"),
        ("cut", "a.jpg cannot be read as a picture: .*[Tt]runcated"),
    ],
)
def test_a_damaged_picture_is_one_sentence(tmp_path, how, sentence):
    picture(tmp_path / "a.jpg", 0)
    _damage(tmp_path / "a.jpg", how)
    with pytest.raises(ProblemError, match=sentence):
        read_picture(tmp_path / "a.jpg", 16)


@given(start=st.integers(0, 5000), patch=st.binary(min_size=1, max_size=30))
def test_damaged_bytes_give_a_picture_or_one_sentence(tmp_path_factory, start, patch):
    file = tmp_path_factory.getbasetemp() / "damaged.jpg"
    picture(file, 0)
    whole = file.read_bytes()
    start %= len(whole)
    file.write_bytes(whole[:start] + patch + whole[start + len(patch) :])
    found = _found(file)
    assert isinstance(found, np.ndarray) or (str(file) in found and "\n" not in found)


def _found(file):
    try:
        return read_picture(file, 16)
    except ProblemError as error:
        return str(error)


def test_what_is_no_file_is_one_sentence(tmp_path):
    with pytest.raises(ProblemError, match=r"there is no picture .*a\.jpg"):
        read_picture(tmp_path / "a.jpg", 16)
    with pytest.raises(ProblemError, match="cannot be read as a picture: Is a directory"):
        read_picture(tmp_path, 16)
    with pytest.raises(ProblemError, match="cannot be read as a picture: embedded null"):
        read_picture(tmp_path / "a\0.jpg", 16)


def test_a_picture_too_large_to_unpack_is_refused_in_silence(tmp_path, monkeypatch):
    picture(tmp_path / "a.jpg", 0)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)
    with warnings.catch_warnings(record=True) as warned, pytest.raises(ProblemError, match="exceeds limit"):
        read_picture(tmp_path / "a.jpg", 16)
    assert not warned


def test_without_pillow_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"pillow is not installed: .*moo\[multimodal\]"):
        read_picture(tmp_path / "a.jpg", 16)


# ------------------------------------------------------------------ the cache


@pytest.fixture
def few(tmp_path, monkeypatch):
    """Five files, what reads them, and the names of those that were read."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = [tmp_path / "files" / f"{i}.txt" for i in range(5)]
    files[0].parent.mkdir()
    for i, file in enumerate(files):
        file.write_text(str(i))
    seen = []

    def read(file):
        seen.append(file.name)
        try:
            return np.full(2, int(file.read_text()))
        except (OSError, ValueError):
            raise ProblemError(f"{file.name} is no number") from None

    return files, read, seen


def _rows(files, read, kind="numbers", shape=(2,)):
    return cached_rows(files, read, shape, np.int64, kind)


def test_files_are_read_once_until_they_change(few):
    files, read, seen = few
    rows, reasons = _rows(files, read)
    assert rows.tolist() == [[i, i] for i in range(5)]
    assert reasons == {}
    assert np.array_equal(_rows(files, read)[0], rows)
    assert len(seen) == 5
    files[2].write_text("77")  # another size
    assert _rows(files, read)[0][2].tolist() == [77, 77]
    assert len(seen) == 10
    files[2].write_text("78")  # another time
    module.os.utime(files[2], ns=(0, 0))
    assert _rows(files, read)[0][2].tolist() == [78, 78]
    seen.clear()
    _rows(files, read, kind="others")
    _rows(files[:4], read)
    assert len(seen) == 5 + 4


def test_a_copy_of_the_folder_is_another(few, tmp_path):
    files, read, seen = few
    _rows(files, read)
    shutil.copytree(files[0].parent, tmp_path / "copy")
    _rows([tmp_path / "copy" / file.name for file in files], read)
    assert len(seen) == 10


def test_a_file_that_cannot_be_read_is_tried_again_each_time(few):
    files, read, seen = few
    files[1].write_text("x")
    stamp = files[1].stat()
    for _ in range(2):
        rows, reasons = _rows(files, read)
        assert reasons == {1: "1.txt is no number"}
        assert rows[:, 0].tolist() == [0, 0, 2, 3, 4]
    assert seen == [f"{i}.txt" for i in range(5)] + ["1.txt"]
    files[1].write_text("6")
    module.os.utime(files[1], ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # the same size and time
    assert _rows(files, read)[0][:, 0].tolist() == [0, 6, 2, 3, 4]


def test_a_file_that_appears_is_noticed(few):
    files, read, _ = few
    files[3].unlink()
    assert set(_rows(files, read)[1]) == {3}
    files[3].write_text("9")
    rows, reasons = _rows(files, read)
    assert reasons == {}
    assert rows[3].tolist() == [9, 9]


@pytest.mark.parametrize("damage", ["cut", "other", "names", "pickle"])
def test_a_damaged_cache_is_made_again(few, tmp_path, damage):
    files, read, seen = few
    first = _rows(files, read)[0]
    (stored,) = (tmp_path / "cache" / "moo").iterdir()
    if damage == "cut":
        stored.write_bytes(stored.read_bytes()[:50])
    elif damage == "other":
        np.savez(stored, rows=first[:3], done=np.ones(3, dtype=bool))
    elif damage == "names":
        np.savez(stored, rows=first)
    else:
        np.savez(stored, rows=first, done=np.ones(5, dtype=object))
    assert np.array_equal(_rows(files, read)[0], first)
    assert len(seen) == 10


def test_a_cache_that_cannot_be_written_is_done_without(few, tmp_path, monkeypatch):
    files, read, seen = few
    monkeypatch.setenv("XDG_CACHE_HOME", str(files[0]))  # a file
    for _ in range(2):
        assert _rows(files, read)[0].shape == (5, 2)
    assert len(seen) == 10
    shutil.rmtree(files[0].parent)
    assert set(_rows(files, read)[1]) == set(range(5))


# ------------------------------------------------------------------ text files and splits


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"a": 1,\n "b": }', "a.json line 2 is not valid JSON"),
        (b'{"images": [', "a.json line 1 is not valid JSON"),
        (b"", "a.json line 1 is not valid JSON"),
        (b"[1]", "a.json holds a JSON list, expected an object"),
        (b'{"a": "\xff"}', "a.json is not valid JSON: byte 7 is not UTF-8"),
        (b"[" * 200_000, "a.json is not valid JSON: .*recursion"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a.json is not valid JSON: .*digits"),
    ],
)
def test_what_is_no_json_object_is_one_sentence(tmp_path, content, sentence):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ProblemError, match=sentence):
        read_json(tmp_path / "a.json")


def test_keys_can_be_left_out_everywhere(tmp_path):
    (tmp_path / "a.json").write_text('\ufeff{"big": 1, "list": [{"big": [1, 2], "small": 3}]}', "utf-8")
    assert read_json(tmp_path / "a.json", without=("big",)) == {"list": [{"small": 3}]}


def test_lines_are_numbered_and_of_any_encoding(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xef\xbb\xbfone\r\n\r\ncaf\xc3\xa9\ncaf\xe9")
    assert read_lines(file) == [
        (f"{file} line {i}", text) for i, text in ((1, "one"), (3, "café"), (4, "café"))
    ]
    with pytest.raises(ProblemError, match=r"a\.txt.x cannot be read: Not a directory"):
        read_lines(file / "x")


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.floats(0.01, 0.9), st.integers(0, 5))
def test_groups_are_held_out_whole(groups, share, seed):
    keys = np.array(groups)
    chosen = held_out(keys, share, seed)
    assert chosen.any()
    assert not set(keys[chosen].tolist()) & set(keys[~chosen].tolist())
    assert len(set(keys[chosen].tolist())) == max(1, round(share * len(set(groups))))
    assert np.array_equal(chosen, held_out(keys, share, seed))


def test_a_root_that_is_no_path_is_refused():
    from moo.multimodal.data.coco import CocoCaptions

    with pytest.raises(OptionError, match="root=5 is not accepted: give the path of a folder"):
        CocoCaptions(5)
