# Every task of the project. `make demo` and `make test` need nothing but Python 3.10 to 3.13 and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Every run has another seed of hashes; all processes of a run have the same one, so that they collect alike.
HASH_SEED := $(shell $(PYTHON) -c 'import random; print(random.randrange(1, 2**32))')
PYTEST := PYTHONHASHSEED=$(HASH_SEED) $(BIN)/python -m pytest
PARALLEL := --numprocesses logical --maxprocesses 4 --dist worksteal
# The demo's input: a folder, file or zip, and its dialect; empty means the warehouse in dags/sql.
SQL ?=
DIALECT ?=

.DEFAULT_GOAL := help
.PHONY: help install demo test slow check lint types contracts docs unit marquez marquez-tests slow-tests \
	airflow-tests slow-airflow-tests compiled-tests format lock wheel bench clean

help: ## list the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml .constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "$(PYTHON) is not Python 3.10 to 3.13: set PYTHON=python3.12 or the like"; exit 2; }
	@echo "==> installing into $(VENV) (about a minute the first time)"
	@$(PYTHON) -m venv $(VENV) || { $(MAKE) --no-print-directory .apt-venv && $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' --constraint .constraints.txt
	@touch $(STAMP)

# Debian's Python comes without venv; install it where we may.
.PHONY: .apt-venv
.apt-venv:
	@command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] \
		|| { echo "Python's venv module is missing: install python3-venv"; exit 2; }
	apt-get update -qq && apt-get install -y -qq python3-venv

install: $(STAMP) ## create the environment with everything the tasks need

demo: $(STAMP) ## run the main job in real Airflow (SQL=folder-or-zip DIALECT=name for your own files)
	@$(BIN)/python .ci/demo.py --sql '$(SQL)' --dialect '$(DIALECT)'

test: check ## checks, the fast tests, and the main ways through a real Airflow
	$(MAKE) --no-print-directory airflow-tests

slow: ## all other tests: CI runs them behind `make test`
	$(MAKE) --no-print-directory marquez-tests
	$(MAKE) --no-print-directory slow-tests
	$(MAKE) --no-print-directory compiled-tests
	$(MAKE) --no-print-directory slow-airflow-tests

check: lint types contracts docs unit ## format, lint, types, import contracts, docs, fast tests

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

contracts: $(STAMP)
	$(BIN)/lint-imports

docs: $(STAMP) ## build the documentation, strictly
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --config-file .mkdocs.yml --site-dir .cache/site

unit: $(STAMP) ## the fast tests
	$(PYTEST) $(PARALLEL) -m 'not airflow and not postgres and not marquez and not browser and not slow'

# The browser that the tests of pages drive; Debian's is enough.
.PHONY: .apt-chromium
.apt-chromium:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v $$name >/dev/null && exit 0; done; \
	command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] \
		|| { echo "Chromium is missing: install chromium, or run the tests with -m 'not browser'"; exit 2; }; \
	apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null

marquez: $(STAMP) ## start a Marquez and keep it (Docker, else Java)
	@$(BIN)/python .ci/marquez.py

marquez-tests: $(STAMP) ## the tests against a real Marquez, where one can be started
	$(BIN)/python .ci/marquez.py --optional -- $(PYTEST) -m marquez tests/marquez

slow-tests: $(STAMP) .apt-chromium ## the tests that start databases, browsers and workers, or take long
	$(PYTEST) $(PARALLEL) -m '(postgres or browser or slow) and not airflow and not marquez'

# In a real Airflow one after the other: each of them uses all cores.
airflow-tests: $(STAMP) ## the tests in a real Airflow that take seconds
	$(PYTEST) -m 'airflow and not marquez and not slow'

slow-airflow-tests: $(STAMP) ## those that kill its parts or run its daemons
	$(PYTEST) -m 'airflow and not marquez and slow'

format: $(STAMP) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(STAMP) ## renew .constraints.txt for the newest supported Airflow
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --upgrade --python-version 3.10 --quiet \
		--no-annotate --no-header --no-emit-index-url --no-emit-find-links --output-file .constraints.txt

# The engine compiled, unpacked where nothing of the working tree is: tests and benchmarks put it first in the path.
COMPILED := .cache/compiled
COMPILING := HATCH_BUILD_HOOK_ENABLE_MYPYC=1 PIP_CONSTRAINT=$(CURDIR)/.constraints.txt
ENGINE := $(shell find airflow_provider_sqlflow/engine -name '*.py')

wheel: $(STAMP) .apt-compiler ## build the source distribution and a wheel with the compiled engine
	$(COMPILING) $(BIN)/python -m build

$(COMPILED)/.built: pyproject.toml $(ENGINE) | $(STAMP)
	$(MAKE) --no-print-directory .apt-compiler
	rm -rf $(COMPILED) && mkdir -p $(COMPILED)
	$(COMPILING) $(BIN)/python -m build --outdir $(COMPILED) >/dev/null
	$(BIN)/python -m zipfile -e $(COMPILED)/*.whl $(COMPILED)
	@touch $@

# mypyc writes C.
.PHONY: .apt-compiler
.apt-compiler:
	@command -v cc >/dev/null && [ -e "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] \
		|| { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] \
		&& apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev python3-dev >/dev/null; } \
		|| { echo "A C compiler and Python's headers are missing: install gcc and python3-dev"; exit 2; }

# Not `python -m pytest`, which puts the working tree in front of the compiled engine.
compiled-tests: $(COMPILED)/.built ## the tests of the engine and its formats on the compiled engine
	PYTHONPATH=$(COMPILED) SQLFLOW_ENGINE=compiled PYTHONHASHSEED=$(HASH_SEED) $(BIN)/pytest $(PARALLEL) \
		-m 'not slow and not postgres' tests/engine tests/corpus tests/formats

bench: $(COMPILED)/.built ## measure the engine against parsing alone (ratios in one run), compiled and not
	PYTHONPATH=$(COMPILED) $(BIN)/python tests/benchmarks/bench_engine.py
	$(BIN)/python tests/benchmarks/bench_engine.py

clean: ## remove the environment and everything generated
	rm -rf $(VENV) .demo .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis .import_linter_cache dist
