# `make` lists the targets. Each step that needs the environment enters it by .envrc.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
ENV ?= dev
IN := source ./.envrc &&
# for the table of what took how long at the end of `make up`
BEGAN := $(shell date +%s.%N)
PYTEST := python -m pytest --durations=25 --durations-min=5

.PHONY: help setup up down purge test test-unit test-plans test-engine test-cloud test-long bench bench-backup bench-upgrade browser ready lint format docs docs-check lock clean

help: ## this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14
	@echo; echo "ENV=$(ENV) names the environment of up, down and purge, e.g.: make up ENV=staging"

setup: ## make this machine ready: packages, Docker, engine, plugins (RETRY=1: ask the download site again)
	@$(PYTHON) -m tools.setup $(if $(RETRY),--retry-download)

ready: # the same, saying nothing where nothing is to be done
	@$(PYTHON) -m tools.setup --quiet

up: export KOLLA_IAC_BEGAN = $(BEGAN)
up: ready ## bring up the environment, from nothing to an issued token
	@$(IN) if [ ! -e stacks/Pulumi.$(ENV).yaml ]; then kolla-iac init $(ENV); fi
	@$(IN) kolla-iac up $(ENV)

down: ready ## take down containers and networks, keep the data
	@$(IN) kolla-iac down $(ENV)

purge: ready ## take down everything, data too; asks first
	@$(IN) kolla-iac purge $(ENV)

test: ## everything that must pass: lint, docs, unit, plan, engine and cloud tests
	@$(PYTHON) -m tools.parts setup lint docs-check test-unit test-plans test-engine test-cloud

browser: # in which the tests open our pages
	@$(PYTHON) -m tools.setup.browser

test-unit: ready browser ## tests without engine and containers
	@$(IN) $(PYTEST) tests/unit tests/preview -m "not long"

test-plans: ready ## golden plans: what a change will do, as text
	@$(IN) $(PYTEST) tests/plans -m "not long"

test-engine: ready ## Pulumi's real engine with small containers
	@$(IN) $(PYTEST) tests/engine -m "not long"

test-cloud: ready ## the real services
	@$(IN) $(PYTEST) tests/cloud -m "not long"

test-long: ready ## what is too slow for `make test`
	@$(IN) python -m tests.long

bench: ready ## figures: times, memory, image sizes, beside the machine they were taken on
	@$(IN) python -m tests.bench

bench-upgrade: ready ## the upgrade beside Kolla's order under load, REPEAT=3 times each; about half an hour
	@$(IN) python -m tests.bench.upgrade --repeat $(or $(REPEAT),3)

bench-backup: ready ## backups and restores of 2 GB beside plain mariadb-backup, and under load; a move of a schema
	@$(IN) python -m tests.bench.backup

lint: ready ## style, types and the direction of imports
	@$(IN) ruff check
	@$(IN) ruff format --check
	@$(IN) mypy
	@$(IN) MYPYPATH=tools/airgap/plugins mypy -p tools -p kolla_standin
	@$(IN) lint-imports

format: ready ## put the code into shape
	@$(IN) ruff check --fix
	@$(IN) ruff format

docs: ready ## write the generated pages anew, build the site in build/site, check all links
	@$(IN) python -m tools.docs

docs-check: ready ## the same, but a generated page that is not current is an error
	@$(IN) python -m tools.docs --check

lock: ready ## lock the Python packages anew (docs/adr/0001-locked-packages.md)
	@$(IN) "$$(python -c 'from tools.setup.environment import uv; print(uv())')" pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
		--group dev pyproject.toml -o requirements.lock

clean: ## remove the virtual environment, the site and caches of this checkout; state and images stay
	rm -rf build .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
