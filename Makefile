# Two commands do everything on a fresh machine with Python 3.11: make demo, make test.
PYTHON ?= python3.11
CONSTRAINTS ?= constraints.txt
BIN := .venv/bin
EXTRAS := multimodal,bayes,dask,privacy,safetensors,test,lint
# Small torch models run many times slower with two threads than with one on a busy machine.
export OMP_NUM_THREADS ?= 1

.PHONY: install demo test test-all lint clean

install: .venv/installed

.venv/installed: setup.cfg pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e ".[$(EXTRAS)]"
	touch $@

demo: install
	$(BIN)/python docs/examples/demo.py --out runs/demo

test: install
	$(BIN)/python -m pytest -n 2 -m "not slow" --cov --cov-report=term:skip-covered

test-all: install
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term:skip-covered

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .venv build dist *.egg-info
