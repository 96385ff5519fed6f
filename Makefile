# Each command sets up what is missing first; `make` alone lists them.
# Variables: STACK=dev, and OFFLINE=1 for a preview in the sandbox.

STACK ?= dev
PY := .venv/bin/python
SETUP := python3 tools/setup.py
PYTEST := $(PY) -m pytest
OFFLINE_TESTS := tests/unit tests/components tests/stacks tests/iam tests/policies tests/gitops tests/ops

.DEFAULT_GOAL := help
.PHONY: help setup ready try test check lint types imports workflows gitops accepted policies controls checkov rehearse lives sandbox up down preview golden bench clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## set up tools and the Python environment, and say where each came from
	@$(SETUP)

ready:
	@$(SETUP) --brief

try: ready ## play the whole life of the dev stack offline
	@$(PY) -m sandbox try --stack $(STACK)

test: ready ## run the offline tests: mocked, no engine, no network
	@$(PYTEST) -q -n 2 -m "not engine and not cluster and not checkov" $(wildcard $(OFFLINE_TESTS))

check: lint types imports workflows test accepted ## run what CI runs first

lint: ready ## check format and style
	@$(PY) -m ruff format --check . && $(PY) -m ruff check .

types: ready ## check types
	@$(PY) -m mypy

imports: ready ## check that imports go one way
	@.venv/bin/lint-imports --no-cache

workflows: ready ## check the workflows
	@"$$($(SETUP) --where actionlint)" .github/workflows/*.yml && .venv/bin/zizmor --offline --quiet .github

gitops: ready ## check the tree that Argo CD takes over
	@$(PYTEST) -q tests/gitops

accepted: ready ## ask a real API server whether it takes every object of the tree
	@$(PYTEST) -q -m cluster tests/gitops/server

policies: ready ## preview STACK in the sandbox under the policy pack
	@$(PY) -m sandbox preview --stack $(STACK) --policy-pack policies

controls: ready ## write docs/controls.md anew
	@$(PY) -m policies.controls

checkov: ready ## ask checkov for a second opinion on what the stacks register
	@python3 -m tools.checkov_env && $(PYTEST) -q -m checkov tests/policies/checkov

rehearse: ready ## play the whole life of STACK, after tests/rehearsal if there are any
	@$(if $(wildcard tests/rehearsal),$(PYTEST) -q tests/rehearsal &&) $(PY) -m sandbox try --stack $(STACK)

lives: ready ## play what may happen to a stack: kills, rollouts, boots that fail, three control planes (an hour at most)
	@$(PYTEST) -q -m life tests/sandbox

sandbox: ready ## open a shell in the offline world
	@$(PY) -m sandbox shell --stack $(STACK)

up: ready ## recover an interrupted run, refuse what would be lost, bring STACK up on real AWS
	@$(PY) -m tools.on_aws up --stack $(STACK)

down: ready ## recover an interrupted run, end the syncs that wait, destroy STACK on real AWS
	@$(PY) -m tools.on_aws down --stack $(STACK)

preview: ready ## preview STACK on real AWS and say what `make up` would refuse; OFFLINE=1: in the sandbox
	@$(PY) -m $(if $(filter 1,$(OFFLINE)),sandbox preview,tools.on_aws preview) --stack $(STACK)

golden: ready ## write the golden files anew; read the difference before you commit it
	@UPDATE_GOLDEN=1 $(PYTEST) -q -k golden $(wildcard $(OFFLINE_TESTS))

bench: ready ## measure the program against a bare one, by the number of machines, and the tree
	@$(PY) -m bench.preview $(STACK) && $(PY) -m bench.machines && $(PY) -m bench.rendering

clean: ## remove what is made in the checkout (the tools in the user's cache stay)
	@rm -rf .venv .tools.json .sandbox .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
