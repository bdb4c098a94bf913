# Needs Python 3.11 to 3.13 and make; everything else is set up here, in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: help install sample test check docs pages build clean
.DEFAULT_GOAL := help

help: ## Say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | column -t -s:

$(VENV)/base: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/dev: $(VENV)/base
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

install: $(VENV)/dev ## Set up the virtual environment for development

sample: $(VENV)/base ## Run the main job on the built-in sample (no login, no network)
	$(BIN)/altiflow run --sample --out out/sample

test: $(VENV)/dev ## Run the tests and the doctests
	$(BIN)/python -m pytest -q -n auto --dist worksteal

check: $(VENV)/dev ## Lint, format, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/dev ## Build the documentation; warnings are errors
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

pages: $(VENV)/dev ## Check the built documentation: links, pictures, width of a telephone
	ALTIFLOW_SITE=docs/_build/html $(BIN)/python -m pytest -q tests/pages/test_site.py

build: $(VENV)/dev ## Build the wheel and the source distribution
	rm -rf dist
	$(BIN)/python -m build --quiet --outdir dist .

clean: ## Remove what was built, the virtual environment too
	rm -rf $(VENV) dist out docs/_build docs/api/generated .pytest_cache .mypy_cache .ruff_cache .hypothesis
