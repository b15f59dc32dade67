.DEFAULT_GOAL := help
PY := .venv/bin/python
PACKAGES := $(wildcard libs/*/pyproject.toml services/*/pyproject.toml deploy/local/pyproject.toml examples/*/pyproject.toml)
EDITABLE := $(foreach p,$(PACKAGES),-e $(dir $(p)))
SOURCES := $(wildcard libs/*/src services/*/src deploy/local/src examples/*/src)
# The first of these that is new enough makes .venv; `make PYTHON=…` chooses another.
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^## /{print "\n" substr($$0, 4)} /^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## See it run
.PHONY: demo
demo: .venv/installed ## everything on this machine, and two requests carried out before your eyes; Ctrl-C stops it
	@$(PY) -m lethe_local demo

.PHONY: up
up: .venv/installed ## everything in the background: real Kafka and PostgreSQL, all services, sample processors
	@$(PY) -m lethe_local up

.PHONY: down
down: .venv/installed ## stop everything, also what a killed run left
	@$(PY) -m lethe_local down

.PHONY: status
status: .venv/installed ## what runs, and how often it was started again
	@$(PY) -m lethe_local status || true

## Change it
.PHONY: setup
setup: .venv/installed ## .venv with everything in it; every other target does this by itself

.venv/installed: requirements.lock $(PACKAGES)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=…"; exit 1; }
	@test -x $(PY) && $(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv >/dev/null || \
		{ echo "$(PYTHON) cannot make a virtual environment: install its venv module (on Debian: apt install python3-venv)"; exit 1; }
	@echo "installing what requirements.lock pins into .venv …"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(PY) -m uv pip install --quiet --python $(PY) --no-deps --no-build-isolation $(EDITABLE)
	@touch $@

.PHONY: install
install: ## the own packages again, after adding one
	@$(PY) -m uv pip install --quiet --python $(PY) --no-deps --no-build-isolation $(EDITABLE)

.PHONY: fmt
fmt: .venv/installed ## format, and mend what can be mended
	@$(PY) -m ruff check --quiet --fix . ; $(PY) -m ruff format --quiet .

.PHONY: docs
docs: .venv/installed ## print the pages that come from code
	@$(PY) docs/print.py

.PHONY: lock
lock: ## compile requirements.in into requirements.lock
	@$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header requirements.in -o requirements.lock

## Trust it
.PHONY: check
check: .venv/installed ## style, types, layers, freshness of the printed pages
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --quiet --check .
	@$(PY) -m mypy --no-error-summary $(SOURCES)
	@.venv/bin/lint-imports --no-logo
	@$(PY) docs/print.py --check

.PHONY: test
test: .venv/installed ## every test, on real Kafka and PostgreSQL; make test ARGS="-k word" for some
	@$(PY) tests/run.py $(ARGS)

.PHONY: unit
unit: .venv/installed ## what needs no engine
	@$(PY) -m pytest -q tests/unit tests/contract tests/architecture $(ARGS)

.PHONY: faults
faults: .venv/installed ## break a whole stack in every way and see what holds; FAULTS=full SEED=… N=… for the long run (goes on where it was cut short; FRESH=1 begins anew)
	@$(PY) tests/faults/run.py $(ARGS)

.PHONY: bench
bench: .venv/installed ## how much it carries on this machine
	@$(PY) tests/bench/run.py $(ARGS)
