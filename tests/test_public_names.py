"""What `import moo` offers, and that it stays light."""

from __future__ import annotations

import subprocess
import sys

import pytest

import moo


def imported(code):
    """The modules a fresh interpreter has loaded after this code."""
    code += "; import sys; print(*sys.modules)"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )


def test_importing_moo_loads_nothing_heavy():
    loaded = imported("import moo; dir(moo); moo.__version__")
    assert not loaded & {"torch", "matplotlib", "pandas", "pymoo", "scipy", "numba", "rich"}


def test_names_appear_on_first_use():
    loaded = imported("import moo; moo.Budget; moo.MooError")
    assert "torch" not in loaded


@pytest.mark.parametrize("name", [n for n in moo.__all__ if n not in {"Study", "compare"}])
def test_every_public_name_is_there_and_documented(name):
    value = getattr(moo, name)
    assert value.__doc__
    assert name in dir(moo)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'moo' has no attribute 'NSGA9'"):
        _ = moo.NSGA9


def test_every_optimizer_that_is_public_is_in_the_contract_suite():
    from moo.naming import methods
    from moo.optimizers.base import Optimizer

    public = {
        value
        for name in moo.__all__
        if name not in {"Study", "compare"} and isinstance(value := getattr(moo, name), type)
    }
    assert {cls for cls in public if issubclass(cls, Optimizer)} <= set(methods().values())
