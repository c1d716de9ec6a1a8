"""Flickr30k as published and as copied: both files of captions, Karpathy's split, and damaged lines."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from folders import (
    edited,
    flickr_karpathy,
    flickr_names,
    flickr_pictures,
    flickr_table,
    flickr_token,
    picture,
)
from hypothesis import given
from hypothesis import strategies as st

from moo.errors import OptionError, ProblemError
from moo.multimodal.data import SPLITS
from moo.multimodal.data.flickr30k import Flickr30k

pytestmark = pytest.mark.usefixtures("own_cache")

FIRST = ("Guys number 0 look 0 .", "Guys number 0 look 1 .", "Guys number 1 look 0 .")


@pytest.fixture
def pictures(tmp_path):
    flickr_pictures(tmp_path / "flickr30k-images")
    return tmp_path


@pytest.fixture
def token(pictures):
    return flickr_token(pictures / "results_20130124.token")


def _data(root, **options):
    return Flickr30k(root, captions_per_image=None, **options).load()


def test_the_token_file(pictures, token):
    data = _data(pictures)
    assert len(data) == 60
    assert data.texts[:3] == FIRST
    assert data.items[:3] == ("1000092795.jpg", "1000092795.jpg", "1000092796.jpg")
    assert data.class_names == ("picture",)
    assert not data.samples.labels.any()
    assert data.skipped == ()
    assert len(Flickr30k(pictures).load()) == 30


def test_a_random_split_keeps_pictures_whole(pictures, token):
    data = _data(pictures)
    assert [len(data.split[name]) for name in SPLITS] == [48, 6, 6]
    parts = [{data.items[i] for i in data.split[name]} for name in SPLITS]
    assert all(not one & other for one, other in combinations(parts, 2))
    same, other = _data(pictures), _data(pictures, seed=1)
    assert np.array_equal(same.split["test"], data.split["test"])
    assert not np.array_equal(other.split["test"], data.split["test"])


def test_the_same_pixels_under_two_names_are_one_picture(pictures, token):
    names = flickr_names(30)
    for i in range(0, 30, 2):
        picture(pictures / "flickr30k-images" / names[i], i + 1)
    for seed in range(3):
        data = _data(pictures, seed=seed)
        assert len(set(data.groups["image"].tolist())) == 15
        parts = [set(data.groups["image"][data.split[name]].tolist()) for name in SPLITS]
        assert all(not one & other for one, other in combinations(parts, 2))


@pytest.mark.parametrize(
    "heading", ["image_name| comment_number| comment", "age_name| comment_number| comment", ""]
)
@pytest.mark.parametrize("inner", ["flickr30k_images", "flickr30k_images/flickr30k_images"])
def test_the_table_of_the_usual_copy(tmp_path, heading, inner):
    flickr_pictures(tmp_path / inner)
    flickr_table(tmp_path / "flickr30k_images" / "results.csv", heading=heading)
    data = _data(tmp_path)
    assert len(data) == 60
    assert data.texts[:3] == FIRST
    assert data.skipped == ()


def test_pictures_and_table_in_one_folder(tmp_path):
    flickr_table(flickr_pictures(tmp_path) / "results.csv")
    assert len(_data(tmp_path)) == 60


def test_the_row_without_its_second_separator_is_used(pictures):
    file = flickr_table(pictures / "results.csv")
    text = file.read_text().replace("1000092796.jpg| 1| Guys", "1000092796.jpg| 1   Guys")
    file.write_text(text)
    data = _data(pictures)
    assert len(data) == 60
    assert data.texts[3] == "Guys number 1 look 1 ."
    assert data.skipped == ()


def test_a_caption_may_hold_the_separator(pictures):
    file = flickr_table(pictures / "results.csv")
    file.write_text(file.read_text().replace("Guys number 0 look 0 .", "One | two"))
    assert _data(pictures).texts[0] == "One | two"


def test_lines_of_the_table_that_cannot_be_used_are_reported(pictures):
    file = flickr_table(pictures / "results.csv")
    with file.open("a") as stream:
        stream.write("1000092795.jpg\n1000092795.jpg| x| text\n| 3| text\n1000092795.jpg| 4|  \n")
    data = _data(pictures)
    assert len(data) == 60
    wrong = "expected PICTURE.jpg| NUMBER| CAPTION"
    expected = [wrong, wrong, wrong, "1000092795.jpg has an empty caption"]
    assert data.skipped == tuple(f"{file} line {62 + i}: {text}" for i, text in enumerate(expected))


def test_lines_of_the_token_file_that_cannot_be_used_are_reported(pictures, token):
    with token.open("ab") as stream:
        stream.write(b"1000092795.jpg#2 no tab\n1000092795.jpg\tno number\n1000092795.jpg#4\t \n")
        stream.write(b"gone.jpg#0\tA caption.\ngone.jpg#1\tAnother.\n1000092824.jpg#2\tCaf\xe9 .\r\n")
    data = _data(pictures)
    assert len(data) == 61
    assert data.texts[-1] == "Café ."
    wrong = "expected PICTURE.jpg#NUMBER, a tab and the caption"
    assert data.skipped[:3] == (
        f"{token} line 61: {wrong}",
        f"{token} line 62: {wrong}",
        f"{token} line 63: 1000092795.jpg has an empty caption",
    )
    (missing,) = data.skipped[3:]
    assert missing.startswith(f"{token} line 64: there is no picture")
    assert missing.endswith("gone.jpg; left out with its captions (2)")


def test_files_of_macos_are_passed_over(pictures, token):
    (pictures / "._results_20130124.token").write_bytes(b"\0\0\0")
    assert len(_data(pictures)) == 60


def test_karpathys_split(pictures):
    flickr_karpathy(pictures)
    data = Flickr30k(pictures).load()
    assert [len(data.split[name]) for name in SPLITS] == [8, 2, 3]
    assert {data.items[i] for i in data.split["test"]} == set(flickr_names(13)[10:])
    assert data.texts[0] == "Two guys look at number 0 ."


def test_which_split_is_taken_can_be_said(pictures, token):
    with pytest.raises(ProblemError, match=r"no file .*dataset_flickr30k\.json: put it there, or give split"):
        Flickr30k(pictures, split="karpathy").load()
    flickr_karpathy(pictures)
    assert len(Flickr30k(pictures, split="karpathy").load()) == 13
    assert len(Flickr30k(pictures, split="random").load()) == 30


def test_a_test_picture_of_karpathys_is_not_trained_on(pictures):
    flickr_karpathy(pictures)
    picture(pictures / "flickr30k-images" / flickr_names(1)[0], 12)  # that of the last, a test picture
    data = Flickr30k(pictures).load()
    assert flickr_names(1)[0] not in data.items
    (sentence,) = data.skipped
    assert "of the split 'test' shows; left out of 'train'" in sentence


def test_a_part_that_is_gone_is_not_made_up(pictures):
    """Validation is drawn at random only where the source gives none."""
    file = flickr_karpathy(pictures)
    edited(file, lambda c: [e.update(filename="gone.jpg") for e in c["images"] if e["split"] == "val"])
    with pytest.raises(ProblemError, match=r"nothing is left for the split 'validation' .*gone\.jpg"):
        Flickr30k(pictures).load()


def test_options_out_of_range_are_refused():
    with pytest.raises(OptionError, match="unknown split 'karpaty': did you mean 'karpathy'"):
        Flickr30k(split="karpaty")


def test_a_folder_without_its_files_is_described(tmp_path):
    with pytest.raises(ProblemError, match=r"give root=, the folder with flickr30k-images/"):
        Flickr30k().load()
    with pytest.raises(ProblemError, match=r"no file of captions in .*results_20130124\.token or"):
        Flickr30k(tmp_path).load()
    (tmp_path / "results_20130124.token").write_text("\n")
    with pytest.raises(ProblemError, match=r"has no picture with a caption$"):
        Flickr30k(tmp_path).load()
    (tmp_path / "results_20130124.token").write_text("what is this\n")
    with pytest.raises(
        ProblemError, match=r"no picture with a caption \(left out: 1, .*line 1: expected PICTURE"
    ):
        Flickr30k(tmp_path).load()


@given(st.lists(st.binary(max_size=40), max_size=5), st.booleans())
def test_any_lines_beside_good_ones_do_no_harm(tmp_path_factory, lines, as_table):
    root = tmp_path_factory.mktemp("lines")
    name = "results.csv" if as_table else "results_20130124.token"
    file = (flickr_table if as_table else flickr_token)(flickr_pictures(root, n=6) / name, n=6)
    file.write_bytes(file.read_bytes() + b"\n".join(lines))
    data = Flickr30k(root, size=8).load()
    assert len(data) == 6
    assert all(str(file) in sentence and "\n" not in sentence for sentence in data.skipped)
