"""The scalar functions of rows: what their objectives weigh."""

import numpy as np
import pytest

from moo.optimizers.row_functions import RowFunctions
from moo.scalarization import Chebyshev, Normalization


def test_parts_that_are_equally_large_share_their_weight():
    functions = RowFunctions(Chebyshev(), Normalization(np.zeros(2), np.ones(2)), np.array([[0.5, 0.5]]))
    rows = np.array([0])
    assert functions.weights(np.array([[1.0, 1.0]]), rows)[0] == pytest.approx([0.25, 0.25])
    assert functions.weights(np.array([[2.0, 1.0]]), rows)[0] == pytest.approx([0.5, 0.0])
