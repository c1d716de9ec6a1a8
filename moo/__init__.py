"""moo: one problem, every optimizer.

Public names are imported on first use, so that `import moo` loads neither torch nor matplotlib.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Problem": "moo.problem",
    "Budget": "moo.budget",
    "Evaluation": "moo.evaluation",
    "Result": "moo.result",
    "solve": "moo.loop",
    "AskTell": "moo.ask_tell",
    "compare": "moo.study",
    "Study": "moo.study",
    "Scalarized": "moo.optimizers.scalarized",
    "WeightedSum": "moo.optimizers.weighted_sum",
    "GradientDescent": "moo.optimizers.gradient_descent",
    "ParetoSetLearning": "moo.optimizers.pareto_set_learning",
    "backward": "moo.training.backward",
    "EPO": "moo.optimizers.epo",
    "MOOSVGD": "moo.optimizers.moosvgd",
    "ParetoMTL": "moo.optimizers.pareto_mtl",
    "Hybrid": "moo.optimizers.hybrid",
    "HypervolumeGradient": "moo.optimizers.hypervolume_gradient",
    "NSGA2": "moo.optimizers.nsga2",
    "NSGA3": "moo.optimizers.nsga3",
    "SMSEMOA": "moo.optimizers.smsemoa",
    "Bayesian": "moo.optimizers.bayesian",
    "Pymoo": "moo.optimizers.pymoo",
    "RandomSearch": "moo.optimizers.random_search",
    "Real": "moo.variables",
    "Integer": "moo.variables",
    "Binary": "moo.variables",
    "Choice": "moo.variables",
    "Permutation": "moo.variables",
    "Mean": "moo.aggregation.mean",
    "MGDA": "moo.aggregation.mgda",
    "MooError": "moo.errors",
}
_MODULES = ("problems", "multimodal", "plot", "indicators", "decision")

__all__ = [*_PUBLIC, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        value = getattr(import_module(_PUBLIC[name]), name)
    elif name in _MODULES:
        value = import_module(f"moo.{name}")
    else:
        raise AttributeError(f"module 'moo' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
