"""Every compiled loop of the package against the same loop as Python runs it."""

import sys
from collections.abc import Iterator

import pytest
import torch
from jacobians import conflicting

from moo.aggregation import Context, aggregator_named, aggregators


def compiled_functions() -> Iterator[tuple[object, str, object]]:
    """Module, name and function, also where a function of another module was imported."""
    for name, module in list(sys.modules.items()):
        if name.startswith("moo.aggregation."):
            yield from ((module, key, f) for key, f in vars(module).items() if hasattr(f, "py_func"))


def after_two_calls(name: str, J: torch.Tensor) -> list[torch.Tensor]:
    """The directions, and what is remembered."""
    aggregator, context = aggregator_named(name), Context()
    found = []
    for losses in (J[:, :, 0].abs(), J[:, :, 1].abs()):
        context.losses = losses
        found.append(aggregator(J, context))
    return [*found, *context.memory.values()]


@pytest.mark.parametrize("name", sorted(aggregators()))
@pytest.mark.parametrize(("m", "d", "tolerance"), [(1, 3, 1e-9), (2, 5, 1e-9), (6, 9, 1e-9), (6, 3, 1e-4)])
def test_compiled_and_interpreted_loops_agree(monkeypatch, name, m, d, tolerance):
    """On dependent gradients less well: weights that grow without bound grow by rounding, too."""
    J = conflicting(5, m, d)
    J[3, 0, 0] = torch.nan
    fast = after_two_calls(name, J)
    for module, key, function in compiled_functions():
        monkeypatch.setattr(module, key, function.py_func)
    size = float(J.nan_to_num().abs().max())
    for one, other in zip(fast, after_two_calls(name, J), strict=True):
        assert torch.allclose(one, other, rtol=tolerance, atol=tolerance * size, equal_nan=True)
