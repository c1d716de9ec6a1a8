"""The journal: what is appended is read again, whatever the end of the file looks like."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from moo.errors import StorageError
from moo.journal import Journal, Record

FACTS = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=9), max_size=3)
FLOATS = arrays(np.float64, st.tuples(st.integers(0, 3), st.integers(0, 3)))
CODES = arrays(np.int8, st.integers(0, 4))
RECORDS = st.lists(
    st.builds(Record, FACTS, st.dictionaries(st.sampled_from("XFGH"), FLOATS | CODES, max_size=3)), max_size=4
)


def written(path, records):
    journal = Journal(path)
    for record in records:
        journal.append(record)
    journal.close()


def read(path):
    journal = Journal(path)
    journal.close()
    return journal.records


def same(a, b):
    return (
        a.facts == b.facts
        and a.arrays.keys() == b.arrays.keys()
        and all(
            (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes())
            for x, y in zip(a.arrays.values(), b.arrays.values(), strict=True)
        )
    )


@given(RECORDS)
def test_what_is_written_is_read(records):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.bin"
        written(path, records)
        found = read(path)
    assert len(found) == len(records)
    assert all(map(same, found, records))


@given(RECORDS, st.data())
def test_a_file_cut_anywhere_keeps_its_whole_records(records, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.bin"
        written(path, records)
        content = path.read_bytes()
        cut = data.draw(st.integers(0, len(content)))
        path.write_bytes(content[:cut])
        kept = read(path)
        ends = np.cumsum([len(record.to_bytes()) for record in records])
        assert len(kept) == (ends <= cut).sum()
        assert all(map(same, kept, records))
        written(path, records)  # and the file can be written on
        again = read(path)
    assert len(again) == len(kept) + len(records)


@given(st.binary(max_size=60))
def test_a_file_of_anything_is_no_error(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.bin"
        path.write_bytes(content)
        assert read(path) == []


def test_a_journal_that_cannot_be_opened_is_one_sentence(tmp_path):
    (tmp_path / "journal.bin").mkdir()
    with pytest.raises(StorageError, match=r"journal\.bin cannot be written: Is a directory"):
        Journal(tmp_path / "journal.bin")


def test_arrays_of_other_layouts_keep_their_numbers(tmp_path):
    transposed, strided = np.arange(6.0).reshape(2, 3).T, np.arange(10.0)[::3]
    written(tmp_path / "j", [Record({}, {"a": transposed, "b": strided})])
    (record,) = read(tmp_path / "j")
    assert np.array_equal(record.arrays["a"], transposed)
    assert np.array_equal(record.arrays["b"], strided)
