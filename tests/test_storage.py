"""Files are written whole or not at all, and what cannot be read is one clear sentence."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest

from moo import storage
from moo.errors import StorageError


def stored():
    file = io.BytesIO()
    np.savez_compressed(file, a=np.arange(500.0), b=np.random.default_rng(0).random((40, 3)))
    return file.getvalue()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_a_torn_file_of_arrays_is_said_to_be_unreadable(tmp_path, share):
    content = stored()
    path = tmp_path / "arrays.npz"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(StorageError, match=r"arrays.npz cannot be read"):
        storage.read_arrays(path)


def test_a_changed_byte_is_found_or_harmless(tmp_path):
    """Whatever a damaged file holds, it is read right or refused, never read wrong."""
    content = stored()
    path = tmp_path / "arrays.npz"
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.integers(len(content), size=150):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            arrays = storage.read_arrays(path)
        except StorageError:
            refused += 1
        else:
            assert all(np.array_equal(arrays[name], ok) for name, ok in right().items() if name in arrays)
    assert refused > 100


def right():
    return {"a": np.arange(500.0), "b": np.random.default_rng(0).random((40, 3))}


def test_objects_are_neither_written_nor_read(tmp_path):
    path = tmp_path / "arrays.npz"
    with pytest.raises((ValueError, StorageError)):
        storage.write_arrays(path, {"a": np.array([{}], dtype=object)})
    assert not path.exists()
    np.savez(path, allow_pickle=True, a=np.array([{}], dtype=object))
    with pytest.raises(StorageError, match="cannot be read"):
        storage.read_arrays(path)


def test_arrays_and_json_come_back(tmp_path):
    storage.write_arrays(tmp_path / "a.npz", right())
    back = storage.read_arrays(tmp_path / "a.npz")
    assert all(np.array_equal(back[name], array) for name, array in right().items())
    content = {"a": [1, 2.5, None, "ü"], "b": {"c": True}}
    storage.write_json(tmp_path / "a.json", content)
    assert storage.read_json(tmp_path / "a.json") == content


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    storage.write_json(path, {"old": 1})
    with pytest.raises(RuntimeError, match="half way"):
        write_half(path)
    assert storage.read_json(path) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def write_half(path):
    with storage.replacing(path) as file:
        file.write(b"{")
        raise RuntimeError("half way")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"nothing"])
def test_what_is_no_json_is_said_to_be_none(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"a.json is no JSON"):
        storage.read_json(path)


@pytest.mark.parametrize("read", [storage.read_json, storage.read_arrays])
def test_what_is_missing_or_a_folder_is_said_to_be(tmp_path, read):
    with pytest.raises(StorageError, match=r"nowhere does not exist"):
        read(tmp_path / "nowhere")
    with pytest.raises(StorageError, match="cannot be read"):
        read(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be read"):
        read(tmp_path / "file" / "inside")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_what_may_not_be_touched_is_said_so(tmp_path):
    path = tmp_path / "a.json"
    storage.write_json(path, {})
    path.chmod(0)
    with pytest.raises(StorageError, match=r"a.json cannot be read: Permission denied"):
        storage.read_json(path)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="cannot be written: Permission denied"):
            storage.write_json(tmp_path / "b.json", {})
        with pytest.raises(StorageError, match="cannot be written: Permission denied"):
            storage.claim(tmp_path / "run", overwrite=False)
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_is_claimed_once(tmp_path):
    folder = storage.claim(tmp_path / "a" / "b", overwrite=False)
    assert folder.is_dir()
    assert storage.claim(folder, overwrite=False) == folder, "it is empty"
    (folder / "file").touch()
    with pytest.raises(StorageError, match=r"b already holds files"):
        storage.claim(folder, overwrite=False)
    assert storage.claim(folder, overwrite=True) == folder
    assert (folder / "file").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_is_no_folder(tmp_path, overwrite):
    path = tmp_path / "file"
    path.touch()
    for claimed in (path, path / "inside"):
        with pytest.raises(StorageError, match=r"cannot be written|already holds files"):
            storage.claim(claimed, overwrite=overwrite)
    assert path.is_file()
