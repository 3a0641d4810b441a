# `make app` and `make test` need Python 3.11 or newer and nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# pip is quiet for minutes
INSTALLING := "Installing the workbench with PyTorch, spaCy and Streamlit into $(VENV): up to 2.5 GB, more where PyTorch comes with CUDA; once, some minutes."
export STREAMLIT_BROWSER_GATHER_USAGE_STATS := false

.PHONY: app test test-all check bench clean

app: $(VENV)/.app
	$(BIN)/workbench app

test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not slow" --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-all: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive workbench labeling_functions app.py
	.ci/audit $(BIN)/pip-audit

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/main_line.py

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.app: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo $(INSTALLING)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo $(INSTALLING)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $(VENV)/.app $@

clean:
	rm -rf $(VENV) build *.egg-info
