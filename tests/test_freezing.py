"""Freezing: objects come back bit by bit, sharing what they shared; nothing a file says is code."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import moo
from moo.budget import Budget
from moo.errors import StorageError
from moo.failures import OnError
from moo.freezing import CannotFreeze, Frozen, Thawed
from moo.loop import Run

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | arrays(np.float64, st.integers(0, 4))
    | arrays(np.float32, st.integers(0, 4)).map(torch.as_tensor)
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=12,
)


def round_trip(value, modules=(__name__,)):
    frozen = Frozen(modules)
    tree = json.loads(json.dumps(frozen.freeze(value)))
    return Thawed(frozen.arrays, modules).thaw(tree)


def alike(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and alike(a.numpy(), b.numpy())
    if isinstance(a, dict):
        return [*a] == [*b] and alike([*a.values()], [*b.values()])
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(alike, a, b))
    return repr(a) == repr(b)  # NaN equals itself, -0.0 is not 0.0


@given(TREES)
def test_values_come_back(value):
    assert alike(round_trip(value), value)


@dataclass
class Pair:
    left: Any
    right: Any = None


def test_objects_share_what_they_shared():
    array = np.zeros(3)
    pair = round_trip(Pair(array, [array, Pair(array)]))
    pair.left[0] = 1.0
    assert pair.right[0][0] == 1.0
    assert pair.right[1].left is pair.left


def test_generators_go_on_where_they_stood():
    rng = np.random.default_rng(5)
    rng.random(3)
    assert np.array_equal(round_trip(rng).random(4), rng.random(4))


def test_layout_is_kept():
    assert round_trip(np.asfortranarray(np.arange(6.0).reshape(2, 3))).flags.f_contiguous


@pytest.mark.parametrize("value", [{1, 2}, deque([1, 2]), np.float64(0.1), np.int64(3)])
def test_other_kinds(value):
    again = round_trip(value)
    assert type(again) is type(value)
    assert again == value


def test_lists_of_arrays_are_stored_as_one():
    frozen = Frozen()
    frozen.freeze([np.zeros((2, 3)), np.ones((4, 3))])
    assert len(frozen.arrays) == 1


@pytest.mark.parametrize("value", [len, lambda: 0, object(), np.array([object()]), np.random.Generator])
def test_what_is_no_data_is_refused(value):
    with pytest.raises(CannotFreeze):
        Frozen().freeze(Pair(value)) if not isinstance(value, np.ndarray) else Frozen().freeze(value)


def test_classes_of_other_modules_are_neither_taken_apart_nor_rebuilt():
    with pytest.raises(CannotFreeze, match="Pair"):
        Frozen().freeze(Pair(1))
    for name in ("subprocess:Popen", f"{__name__}:Pair", "moo.no_such:Thing"):
        with pytest.raises(StorageError, match="unknown class"):
            Thawed({}).thaw({"id": 0, "class": name, "fields": {}})


class NamedPair(NamedTuple):
    left: np.ndarray
    right: Any


def test_named_tuples_come_back():
    again = round_trip([NamedPair(np.arange(3.0), NamedPair(np.zeros(0), None))])[0]
    assert type(again) is NamedPair
    assert again.left.tolist() == [0.0, 1.0, 2.0]
    assert type(again.right) is NamedPair


@pytest.mark.parametrize("method", [moo.Scalarized(n=5), moo.HypervolumeGradient(n=5), moo.Hybrid()])
def test_a_gradient_method_on_its_way_can_be_frozen(method):
    run = Run.start(moo.problems.ZDT1(5), method, Budget.of(2000), 0, OnError.of("raise"))
    for _ in range(20):
        run.state = run.optimizer.step(run.evaluate, run.state)
    again = round_trip(run.state)
    assert alike(round_trip(again).answer.X, run.state.answer.X)
