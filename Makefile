# Two commands: `make run` starts the whole product on this machine, `make test` proves it. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.counterfoil-ready
LOCAL := $(PY) -m infra.local
export PYTHONDONTWRITEBYTECODE ?=

.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## create the environment in .venv (done by every other command)

$(STAMP): infra/local/requirements.txt infra/local/requirements-runtime.txt infra/local/setup.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh infra/local/setup.sh
	@touch $@

lock: $(STAMP) ## write the pinned, hashed requirement files anew from pyproject.toml
	$(VENV)/bin/uv pip compile pyproject.toml --universal --no-strip-extras --generate-hashes -q --no-header --no-annotate -o requirements.txt
	$(VENV)/bin/uv pip compile pyproject.toml --group dev --universal --no-strip-extras --generate-hashes -q --no-header --no-annotate -o infra/local/requirements.txt

lint: $(STAMP) ## ruff
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

types: $(STAMP) ## mypy --strict
	@$(VENV)/bin/mypy

.PHONY: help setup lock lint types
