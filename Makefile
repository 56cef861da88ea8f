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

run: $(STAMP) ## start the whole product here   PORT=7071 EVENTS=60000 FRESH=1
	@$(LOCAL) run $(if $(PORT),--port $(PORT)) $(if $(EVENTS),--events $(EVENTS)) $(if $(filter 1 yes true,$(FRESH)),--fresh)

send: $(STAMP) ## publish a file of events, or a sample in a dialect   FILE=events.ndjson DRY_RUN=1 PROFILE=camelcase-v1 EVENTS=2000
	@test -n "$(FILE)$(PROFILE)" || { echo 'send: name a file or a profile: make send FILE=events.ndjson' >&2; exit 2; }
	@$(LOCAL) send $(if $(FILE),"$(FILE)") $(if $(PROFILE),--profile $(PROFILE)) $(if $(EVENTS),--events $(EVENTS)) $(if $(DRY_RUN),--dry-run)

sample: $(STAMP) ## write a day of events to a file   OUT=day.ndjson EVENTS=50000 SEED=2 PROFILE=cdc-v1 DUMP=ledger
	@test -n "$(OUT)" || { echo 'sample: name the file to write: make sample OUT=day.ndjson' >&2; exit 2; }
	@$(PY) -m infra.local.sample --out "$(OUT)" $(if $(EVENTS),--events $(EVENTS)) $(if $(SEED),--seed $(SEED)) $(if $(PROFILE),--profile $(PROFILE)) $(if $(DUMP),--dump $(DUMP))

token: $(STAMP) ## print an access token   ROLE=viewer SUBJECT=lee HOURS=1
	@$(LOCAL) token $(if $(ROLE),--role $(ROLE)) $(if $(SUBJECT),--subject "$(SUBJECT)") $(if $(HOURS),--hours $(HOURS))

metrics: $(STAMP) ## rates, percentiles, errors, lag, freshness   MINUTES=60 JSON=1
	@$(LOCAL) metrics $(if $(MINUTES),--minutes $(MINUTES)) $(if $(JSON),--json)

psql: $(STAMP) ## the database's command line   ROLE=auditor SQL='select …'
	@$(LOCAL) psql $(if $(ROLE),--role $(ROLE)) $(if $(SQL),--statement "$(SQL)")

ceiling: $(STAMP) ## raise how much of a batch may be bad, list what is held   ARGS='--list'
	@$(LOCAL) ceiling -- $(ARGS)

replay-gaps: $(STAMP) ## read missing events from the hubs again, or accept a gap   ARGS='--dry-run'
	@$(LOCAL) replay-gaps -- $(ARGS)

admin: $(STAMP) ## people, services, roles, sites and tokens   ARGS='list principals'
	@$(LOCAL) admin -- $(ARGS)

retention: $(STAMP) ## drop days of access records that are archived, or hold them   ARGS='purge --dry-run --reason over'
	@$(LOCAL) retention -- $(ARGS)

backfill: $(STAMP) ## load a dump of records   FILE=entries.ndjson.gz ARGS='--stream ledger --dry-run'
	@$(LOCAL) backfill -- $(if $(FILE),"$(abspath $(FILE))") $(ARGS)

reset: $(STAMP) ## remove the data of make run
	@$(LOCAL) reset

simulate: $(STAMP) ## seeded faults on a stack of its own, judged   SEED=7 MINUTES=2 FAULTS=kill,cut RATE=250 ORDERS=150 PLAN=1 JSON=1 KEEP=1
	@$(PY) -m infra.local.simulate $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(RATE),--rate $(RATE)) $(if $(ORDERS),--orders $(ORDERS)) $(if $(FAULTS),--faults "$(FAULTS)") $(if $(PLAN),--plan) $(if $(JSON),--json) $(if $(KEEP),--keep)

bench: $(STAMP) ## the benchmarks: table, JSON and picture   ONLY='ingest start'
	@$(PY) -m tests.bench $(if $(ONLY),--only $(ONLY))

test: $(STAMP) ## lint, types and every test
	@$(MAKE) --no-print-directory lint types
	@$(VENV)/bin/pytest -q -n auto -m 'not long' --cov --cov-report=term
	@sh infra/local/python313.sh

test-long: $(STAMP) ## the full campaigns too
	@$(VENV)/bin/pytest -n auto

lint: $(STAMP) ## ruff
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

types: $(STAMP) ## mypy --strict
	@$(VENV)/bin/mypy

.PHONY: help setup lock run send sample token metrics psql ceiling replay-gaps admin retention backfill reset simulate bench test test-long lint types
