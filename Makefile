# Two commands do everything on a fresh machine with Python 3.11: make demo, make test.
PYTHON ?= python3.11
CONSTRAINTS ?= constraints.txt
BIN := .venv/bin
EXTRAS := multimodal,bayes,dask,privacy,safetensors,explore,parquet,paretobench,test,lint
# Small torch models run many times slower with two threads than with one on a busy machine.
export OMP_NUM_THREADS ?= 1

.PHONY: install demo test test-all docs lint clean

install: .venv/installed

.venv/installed: setup.cfg pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e ".[$(EXTRAS)]"
	touch $@

demo: install
	$(BIN)/python docs/examples/demo.py --out runs/demo

test: install
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: .venv/installed-docs
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term:skip-covered

.venv/installed-docs: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e ".[$(EXTRAS),docs,recipes]"
	touch $@

docs: .venv/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .venv build dist site *.egg-info
	find moo -name '*.nb[ic]' -delete
