.DEFAULT_GOAL := help
PY := .venv/bin/python
PACKAGES := $(wildcard libs/*/pyproject.toml services/*/pyproject.toml deploy/local/pyproject.toml examples/*/pyproject.toml)
EDITABLE := $(foreach p,$(PACKAGES),-e $(dir $(p)))

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.venv/installed: requirements.lock $(PACKAGES)
	@command -v python3 >/dev/null || { echo "python3 is missing: install Python 3.11 or newer"; exit 1; }
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	@test -x $(PY) || python3 -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(PY) -m uv pip install --quiet --python $(PY) --no-deps --no-build-isolation $(EDITABLE)
	@touch $@

.PHONY: install
install: ## the own packages again, after adding one
	@$(PY) -m uv pip install --quiet --python $(PY) --no-deps --no-build-isolation $(EDITABLE)

.PHONY: lock
lock: ## compile requirements.in into requirements.lock
	@$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header requirements.in -o requirements.lock
