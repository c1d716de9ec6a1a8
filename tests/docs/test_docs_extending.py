"""The files of docs/extending.md pass the tests that hold for everything of their kind."""

from __future__ import annotations

import os
import subprocess
import sys

from contributed import files
from pages import ROOT

CLASSES = {
    "moo.optimizers": "DifferentialEvolution",
    "moo.problems": "MinEx",
    "moo.multimodal.data": "Pendulums",
}
CONTRACTS = [
    "tests/optimizers/test_contract.py",
    "tests/optimizers/test_contract_resume.py",
    "tests/problems/test_problem_contract.py",
    "tests/multimodal/data/test_every_data_set.py",
]
LEAST = 5  # tests of each class


def test_the_page_has_a_file_of_each_kind() -> None:
    assert [package for package, _, _ in files()] == list(CLASSES)


def test_the_files_keep_the_contracts() -> None:
    """In a process of its own, where the files are found as if they lay in the package."""
    options = ["--no-cov", "-rA", "-p", "contributed", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-k", " or ".join(CLASSES.values()), *CONTRACTS],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests" / "docs"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    passed = [line for line in done.stdout.splitlines() if line.startswith("PASSED")]
    for name in CLASSES.values():
        assert sum(name in line for line in passed) >= LEAST, done.stdout[-3000:]
