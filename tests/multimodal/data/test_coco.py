"""MS-COCO in its published format: labels, splits that do not leak, and files with anything wrong in them."""

from __future__ import annotations

import shutil
from itertools import combinations

import numpy as np
import pytest
import torch
from folders import coco, coco_karpathy, coco_name, edited, picture
from hypothesis import given
from hypothesis import strategies as st

from moo.errors import OptionError, ProblemError
from moo.multimodal.data import SPLITS
from moo.multimodal.data import images as images_module
from moo.multimodal.data.coco import CocoCaptions
from moo.multimodal.data.images import read_picture

CLASSES = ("animal", "indoor", "person", "none")

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def root(tmp_path):
    return coco(tmp_path / "coco")


def captions(root, part="train"):
    return root / "annotations" / f"captions_{part}2014.json"


def instances(root, part="train"):
    return root / "annotations" / f"instances_{part}2014.json"


def names(data, part):
    return {data.items[i] for i in data.split[part]}


def test_a_row_is_a_picture_and_its_first_caption(root):
    data = CocoCaptions(root, size=16, n_words=20).load()
    assert len(data) == 24
    assert data.texts[0] == "a quiet scene number 1"  # without the line break of the file
    assert data.items[0] == coco_name("train", 1)
    image, text = data.samples.modalities["image"], data.samples.modalities["text"]
    assert image.shape == (24, 3, 16, 16)
    assert text.shape == (24, 20)
    assert image.dtype == text.dtype == torch.float32
    expected = read_picture(root / "train2014" / coco_name("train", 1), 16)
    assert torch.equal(image[0] * 255, torch.from_numpy(expected).permute(2, 0, 1).float())
    assert data.skipped == ()


def test_captions_of_a_picture_are_found_wherever_they_are_in_the_file(root):
    data = CocoCaptions(root, captions_per_image=None).load()
    assert len(data) == 48
    assert data.texts[:2] == ("a quiet scene number 1", "a busy scene number 1")
    assert data.groups["image"][0] == data.groups["image"][1] != data.groups["image"][2]
    parts = [set(data.groups["image"][data.split[name]].tolist()) for name in SPLITS]
    assert all(not one & other for one, other in combinations(parts, 2))


def test_the_official_validation_part_is_the_test_split(root):
    data = CocoCaptions(root).load()
    assert [len(data.split[name]) for name in SPLITS] == [18, 2, 4]
    assert names(data, "test") == {coco_name("val", number) for number in range(1001, 1005)}
    again, other = CocoCaptions(root).load(), CocoCaptions(root, seed=1).load()
    assert names(again, "validation") == names(data, "validation") != names(other, "validation")


def test_labels_and_objects_come_from_the_instances(root):
    data = CocoCaptions(root).load()
    assert data.class_names == CLASSES
    assert [CLASSES[i] for i in data.samples.labels[:4]] == ["animal", "person", "animal", "none"]
    objects = data.samples.targets["objects"]
    assert objects.shape == (24, 4)
    assert objects.dtype == torch.float32
    # ids 1, 17, 18, 90 in this order: person, cat, dog, toothbrush
    assert objects[:4].tolist() == [[0, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_without_instances_there_is_one_class(tmp_path):
    data = CocoCaptions(coco(tmp_path, instances=False)).load()
    assert data.class_names == ("picture",)
    assert not data.samples.labels.any()
    assert data.samples.targets == {}


def test_one_instances_file_alone_is_refused(root):
    instances(root, "val").unlink()
    with pytest.raises(ProblemError, match=r"there is no file .*instances_val2014\.json"):
        CocoCaptions(root).load()


def test_the_names_of_2017(tmp_path):
    data = CocoCaptions(coco(tmp_path, year=2017), year=2017).load()
    assert data.items[0] == "000000000001.jpg"
    assert len(data.split["test"]) == 4


def test_karpathys_split_adds_the_rest_to_train(root):
    coco_karpathy(root)
    data = CocoCaptions(root, split="karpathy").load()
    assert names(data, "train") == {coco_name("train", i) for i in range(1, 11)} | {
        coco_name("val", i) for i in (1001, 1002)
    }
    assert names(data, "validation") == {coco_name("val", i) for i in (1003, 1004)}
    assert names(data, "test") == {coco_name("val", i) for i in (1005, 1006)}
    assert data.texts[0] == "Two guys look at number 1 ."
    assert data.class_names == CLASSES
    assert data.samples.labels[:2].tolist() == [0, 2]
    assert data.skipped == ()


def test_karpathys_split_needs_no_captions_files(tmp_path):
    (coco_karpathy(tmp_path)).rename(tmp_path / "annotations.json")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations.json").rename(tmp_path / "annotations" / "dataset_coco.json")
    assert len(CocoCaptions(tmp_path, split="karpathy").load()) == 16


def test_entries_of_the_split_file_that_cannot_be_used_are_reported(root):
    def change(content):
        content["images"][0]["split"] = "dev"
        content["images"][1].pop("filename")
        content["images"][2]["sentences"] = [{"raw": "  "}, 3]
        content["images"][3] = None
        content["images"][4]["sentences"] = "none"

    edited(coco_karpathy(root), change)
    data = CocoCaptions(root, split="karpathy").load()
    assert len(data) == 11
    first, second, third, fourth, fifth = data.skipped
    assert first.endswith("images[0]: split 'dev' is unknown, expected train, restval, val, test")
    assert second.endswith("images[1]: filename None is no name of a picture")
    assert third.endswith(f"images[2]: {coco_name('train', 3)} has no caption")
    assert fourth.endswith("images[3]: filename None is no name of a picture")
    assert fifth.endswith(f"images[4]: {coco_name('train', 5)} has no caption")


# ------------------------------------------------------------------ leaks


def test_a_training_picture_that_is_also_in_the_test_split_is_left_out(root):
    train, val = root / "train2014" / coco_name("train", 7), root / "val2014" / coco_name("val", 1002)
    shutil.copy(val, train)
    data = CocoCaptions(root).load()
    assert train.name not in data.items
    assert val.name in names(data, "test")
    (sentence,) = data.skipped
    assert f"{train.name} shows what {val.name} of the split 'test' shows; left out of 'train'" in sentence
    assert "captions_train2014.json: images[6]" in sentence


def test_an_id_in_both_files_is_in_the_test_split_alone(root):
    def change(content):
        content["images"][3]["id"] = 1001
        for entry in content["annotations"]:
            entry["image_id"] = 1001 if entry["image_id"] == 4 else entry["image_id"]

    edited(captions(root), change)
    data = CocoCaptions(root).load()
    assert coco_name("train", 4) not in data.items
    assert "left out of 'train'" in data.skipped[0]


def test_equal_pixels_are_never_in_train_and_validation(tmp_path):
    root = coco(tmp_path, train=40)
    for number in range(2, 41, 2):  # pairs of the same picture
        picture(root / "train2014" / coco_name("train", number), number - 1)
    for seed in range(3):
        data = CocoCaptions(root, seed=seed).load()
        image = data.samples.modalities["image"].numpy()
        train, validation = ({image[i].tobytes() for i in data.split[k]} for k in ("train", "validation"))
        assert not train & validation
        assert len(data.split["validation"]) == 4  # two pairs
        assert data.skipped == ()


def test_karpathys_validation_wins_over_train(root):
    coco_karpathy(root)
    shutil.copy(root / "val2014" / coco_name("val", 1003), root / "train2014" / coco_name("train", 2))
    data = CocoCaptions(root, split="karpathy").load()
    assert coco_name("val", 1003) in names(data, "validation")
    assert coco_name("train", 2) not in data.items


def test_the_vocabulary_is_that_of_the_training_split(root):
    edited(captions(root, "val"), lambda c: [e.update(caption="zebra zebra") for e in c["annotations"]])
    data = CocoCaptions(root, n_words=100).load()
    text = data.samples.modalities["text"]
    assert (text[data.split["test"]] == 0).all()
    assert (text[data.split["train"]].norm(dim=1) > 0.99).all()


# ------------------------------------------------------------------ options


def test_a_limit_keeps_some_of_each_part_and_reads_no_more(root, monkeypatch):
    asked = []
    monkeypatch.setattr(
        images_module, "read_picture", lambda file, size: asked.append(file) or read_picture(file, size)
    )
    data = CocoCaptions(root, limit=12).load()
    assert len(data) == len(asked) == 12
    assert len(data.split["test"]) == 2
    assert set(CocoCaptions(root, limit=12, seed=1).load().items) != set(data.items)
    assert len(CocoCaptions(root, limit=1000).load()) == 24


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"year": 2015}, "year=2015 is not accepted: give 2014 or 2017"),
        ({"year": 2014.0}, "year=2014.0 is not accepted"),
        ({"split": "karpaty"}, "unknown split 'karpaty': did you mean 'karpathy'"),
        ({"split": "karpathy", "year": 2017}, "split='karpathy' is of the year 2014, not 2017"),
        ({"size": 4}, "size=4 is not accepted: give an integer >= 8"),
        ({"n_words": 0}, "n_words=0 is not accepted: give an integer >= 1"),
        ({"captions_per_image": 0}, "captions_per_image=0 is not accepted"),
        ({"limit": True}, "limit=True is not accepted"),
        ({"seed": -1}, "seed=-1 is not accepted"),
    ],
)
def test_options_out_of_range_are_refused(options, sentence):
    with pytest.raises(OptionError, match=sentence):
        CocoCaptions(**options)


# ------------------------------------------------------------------ what is wrong with a folder


def test_without_a_folder_one_is_described(tmp_path):
    with pytest.raises(
        ProblemError, match=r"give root=, the folder with train2014/.*https://cocodataset\.org"
    ):
        CocoCaptions().load()
    with pytest.raises(ProblemError, match=r"there is no folder .*nowhere: CocoCaptions expects"):
        CocoCaptions(tmp_path / "nowhere").load()


def test_missing_annotations_are_named(root):
    with pytest.raises(ProblemError, match=r"there is no file .*dataset_coco\.json: put it there"):
        CocoCaptions(root, split="karpathy").load()
    captions(root).unlink()
    with pytest.raises(ProblemError, match=r"there is no file .*captions_train2014\.json"):
        CocoCaptions(root).load()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"images": [}', r"captions_train2014\.json line 1 is not valid JSON"),
        ('{"images": []}', r"captions_train2014\.json has no list 'annotations'"),
        ('{"images": 3, "annotations": []}', r"captions_train2014\.json has no list 'images'"),
    ],
)
def test_annotations_that_are_none_are_refused(root, content, sentence):
    captions(root).write_text(content)
    with pytest.raises(ProblemError, match=sentence):
        CocoCaptions(root).load()


def test_entries_that_cannot_be_used_are_reported_and_the_rest_stays(root):
    def change(content):
        content["images"] += [{"id": "x", "file_name": "a.jpg"}, 3, {"id": 1, "file_name": "b.jpg"}]
        content["images"].append({"id": 555, "file_name": "c.jpg"})
        bad = [(999, "no such picture"), (float("nan"), "a"), (1, None), (1, " \n"), (None, "a")]
        content["annotations"] += [{"image_id": k, "caption": text} for k, text in bad]

    edited(captions(root), change)
    data = CocoCaptions(root).load()
    assert len(data) == 24
    expected = [
        "images[20]: expected an id and a file_name, not 'x' and 'a.jpg'",
        "images[21]: expected an id and a file_name, not None and None",
        f"images[22]: the id 1 is listed already, as {coco_name('train', 1)}",
        "annotations[40]: image_id 999 is not among the images",
        "annotations[41]: image_id nan is not among the images",
        "annotations[42]: the caption of image 1 is no text",
        "annotations[43]: the caption of image 1 is no text",
        "annotations[44]: image_id None is not among the images",
        "images[23]: c.jpg has no caption",
    ]
    assert data.skipped == tuple(f"{captions(root)}: {sentence}" for sentence in expected)


def test_objects_that_cannot_be_used_are_reported_and_the_rest_stays(root):
    def change(content):
        content["categories"].append({"id": 3})
        changes = [
            {"area": float("nan")},
            {"area": -1},
            {"category_id": 2},
            {"category_id": None},
            {"image_id": 1.0},
            {"image_id": 5},
        ]
        content["annotations"] += [{"image_id": 1, "category_id": 18, "area": 9.0, **c} for c in changes]

    edited(instances(root), change)
    data = CocoCaptions(root).load()
    assert data.samples.targets["objects"][:2].tolist() == [[0, 1, 0, 0], [1, 1, 0, 0]]
    assert data.samples.targets["objects"][4].tolist() == [0, 1, 1, 0]  # picture 5 has a dog too
    reported = [sentence.partition(": ")[2] for sentence in data.skipped]
    assert reported[0] == "categories[4]: expected an id and a supercategory, not 3 and None"
    assert [sentence.partition(": ")[2] for sentence in reported[1:]] == [
        "area nan is no area",
        "area -1 is no area",
        "category_id 2 is not among the categories",
        "category_id None is not among the categories",
        "image_id 1.0 is no id",
    ]


def test_the_first_of_equally_large_objects_decides(root):
    def change(content):
        for category in (90, 1):
            content["annotations"].append({"image_id": 4, "category_id": category, "area": 7})

    edited(instances(root), change)
    data = CocoCaptions(root).load()
    assert data.class_names[data.samples.labels[3]] == "indoor"


def test_pictures_that_cannot_be_read_are_left_out(root):
    folder = root / "train2014"
    (folder / coco_name("train", 1)).unlink()
    (folder / coco_name("train", 2)).write_text("no picture")
    data = CocoCaptions(root, captions_per_image=None, size=16).load()
    assert len(data) == 2 * 22
    third = torch.from_numpy(read_picture(folder / coco_name("train", 3), 16)).permute(2, 0, 1)
    assert torch.equal(data.samples.modalities["image"][0] * 255, third.float())
    assert data.texts[0] == "a quiet scene number 3"
    missing, broken = data.skipped
    assert missing == (
        f"{captions(root)}: images[0]: there is no picture {folder / coco_name('train', 1)}; "
        "left out with its captions (2)"
    )
    assert f"{coco_name('train', 2)} is no picture of a known format" in broken
    assert data.samples.targets["objects"][0].tolist() == [0, 1, 0, 0]  # rows and objects still agree


def test_without_any_picture_the_first_reason_is_given(root):
    shutil.rmtree(root / "train2014")
    with pytest.raises(ProblemError, match=r"nothing is left for the split 'train' .*there is no picture"):
        CocoCaptions(root).load()
    shutil.rmtree(root / "val2014")
    with pytest.raises(
        ProblemError, match=r"none of the 24 pictures can be read \(left out: 24, .*images\[0\]"
    ):
        CocoCaptions(root).load()


def test_without_any_caption_that_is_said(root):
    for part in ("train", "val"):
        edited(captions(root, part), lambda content: content.update(annotations=[]))
    with pytest.raises(
        ProblemError, match=r"has no picture with a caption \(left out: 24, .*has no caption\)"
    ):
        CocoCaptions(root).load()


def test_a_class_of_one_picture_is_kept(root):
    edited(
        instances(root),
        lambda c: c["annotations"].append({"image_id": 4, "category_id": 90, "area": 7}),
    )
    data = CocoCaptions(root).load()
    assert np.bincount(data.samples.labels.numpy(), minlength=4)[1] == 1
    assert np.isin(3, np.concatenate([data.split["train"], data.split["validation"]]))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.just(10**400),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "raw"]), inner, max_size=2)
    ),
    max_leaves=4,
)
KEYS = {
    "captions_train2014": {"images": ("id", "file_name"), "annotations": ("image_id", "caption")},
    "instances_val2014": {
        "annotations": ("image_id", "category_id", "area"),
        "categories": ("id", "supercategory"),
    },
    "dataset_coco": {"images": ("filepath", "cocoid", "filename", "split", "sentences")},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = coco(tmp_path_factory.mktemp("whole"))
    coco_karpathy(root).rename(root / "annotations" / "dataset_coco.json")
    return root / "annotations"


@given(st.sampled_from(sorted(KEYS)), st.data())
def test_any_value_anywhere_costs_one_row_at_most(whole, name, draw):
    entries, keys = draw.draw(st.sampled_from(sorted(KEYS[name].items())))
    key, value = draw.draw(st.sampled_from(keys)), draw.draw(JSON)
    file = whole / f"{name}.json"
    kept = file.read_bytes()
    split = "karpathy" if name == "dataset_coco" else "official"
    try:
        edited(file, lambda content: content[entries][2].update({key: value}))
        data = CocoCaptions(whole.parent, split=split, size=8).load()
    finally:
        file.write_bytes(kept)
    assert len(data) >= {"official": 23, "karpathy": 15}[split]
