# Each target does all the set-up that it needs; stamps in .make/ keep repeated calls quick.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

export PATH := $(CURDIR)/.venv/bin:$(PATH)
PY := .venv/bin/python
WORKERS ?= 2
BUNDLE := lgviz/static/widget.js
NODE_MODULES := js/node_modules/.package-lock.json
FRONT := $(shell find js/src -type f 2>/dev/null) js/build.mjs js/lab.mjs js/style.mjs js/package-lock.json lgviz/_version.py

.PHONY: help setup demo test notebooks engines faults upstream lint format bench screenshots docs protocol recordings clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 14

setup: .make/python $(BUNDLE) .make/labextension ## .venv, js/node_modules, the widget bundle and JupyterLab's extension

demo: setup ## JupyterLab on the tour, ready in about half a minute (PORT=8890, OPEN=0: no browser)
	@exec $(PY) .ci/demo.py

test: setup .make/chromium .make/mariadb ## types, front end, Python, browser and notebooks; the slowest tests and the time in all
	@export LGVIZ_TEST_BEGUN=$$(date +%s); set -x; npm --prefix js run check; npm --prefix js test; \
	$(PY) -m pytest -n $(WORKERS) --durations=15 --nbval --nbval-sanitize-with .ci/nbval.cfg tests notebooks

notebooks: setup ## execute the course anew and save what changed (ONLY="02 07": these alone)
	$(PY) .ci/notebooks.py $(ONLY)

faults: setup ## small faults put into the code one by one: tells which test notices each
	$(PY) -m tests.support.faults

upstream: setup ## LangGraph's own tests: each thread they make is opened and compared; other versions of LangGraph
	@time CI=true $(PY) -m pytest -m upstream -n $(WORKERS) --durations=0 --durations-min=5 tests/upstream tests/replaying/test_airline.py

engines: setup .make/mariadb ## databases of other engines that LangGraph's savers write, a LangGraph server, hostile files
	@time CI=true $(PY) -m pytest -m "engines or not engines" -n $(WORKERS) --durations=10 \
		tests/engines tests/hostile/test_hostile.py

lint: .make/python $(NODE_MODULES) ## ruff, mypy, tsc, biome
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	npm --prefix js run check
	npm --prefix js run lint

format: .make/python $(NODE_MODULES) ## let ruff and biome write
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	npm --prefix js run format

bench: setup .make/chromium ## the budgets, as ratios measured in one run; the fault tests in full
	$(PY) -m pytest -m bench -s tests/benchmarks
	$(PY) tests/benchmarks/persistence.py --turns 100 300 1000
	$(PY) tests/benchmarks/vectors.py --items 10000 100000
	$(PY) tests/benchmarks/stores.py --items 10000 100000
	LGVIZ_TEST_PUTS=1000 LGVIZ_TEST_KILLS=200 $(PY) -m pytest --timeout 1800 tests/persistence/test_faults.py

screenshots: setup .make/chromium ## pictures of every state of the debugger, into docs/images/
	$(PY) .ci/screenshots.py

docs: .make/docs ## the documentation site, into .site/: open .site/index.html
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict
	@echo "Open .site/index.html, or with its search: python3 -m http.server -d .site"

protocol: ## js/src/protocol.ts from lgviz/protocol.py
	python3 js/scripts/protocol.py

recordings: setup ## js/tests/recordings/ from what the backend answers about the demos
	$(PY) js/scripts/record.py

clean: ## remove everything that a build or a run made
	rm -rf .venv .venv-docs .make .demo .site dist lgviz/labextension lgviz/static js/build js/node_modules test-results

.make/python: pyproject.toml .ci/venv
	@.ci/venv
	@mkdir -p .make && touch $@

.make/docs: pyproject.toml .ci/docs
	@.ci/docs
	@mkdir -p .make && touch $@

.make/node: .ci/node | .make/python
	@.ci/node
	@mkdir -p .make && touch $@

.make/chromium: .ci/chromium | .make/python
	@.ci/chromium
	@mkdir -p .make && touch $@

.make/mariadb: .ci/mariadb
	@.ci/mariadb
	@mkdir -p .make && touch $@

$(NODE_MODULES): js/package.json js/package-lock.json js/.npmrc | .make/node
	@echo "Installs the front end's packages by npm: about 20 seconds …"
	@npm --prefix js ci --no-progress --no-audit --no-fund
	@touch $@

$(BUNDLE): $(FRONT) $(NODE_MODULES)
	@echo "Builds the front end …"
	@npm --prefix js run --silent build
	@touch $@

# A link: what is built anew is what JupyterLab loads.
.make/labextension: .make/python $(BUNDLE)
	@jupyter-builder develop --overwrite . >/dev/null
	@touch $@
