"""Comparisons: problems x optimizers x seeds at equal cost, with tables, figures and statistics."""

from moo.study.cells import Failure, Progress
from moo.study.comparison import compare
from moo.study.study import Study

__all__ = ["Failure", "Progress", "Study", "compare"]
