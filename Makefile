# `make help` shows the menu. On a fresh machine only make and Python 3.10 or newer are needed.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# Without bytecode every Airflow process compiles Airflow again.
unexport PYTHONDONTWRITEBYTECODE
# A virtual environment or module path of the caller is none of ours.
unexport VIRTUAL_ENV
unexport PYTHONPATH
unexport PYTHONHOME

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ENV ?= dev
REGION ?= us-east-1
PYTEST_ARGS ?=

.PHONY: help setup demo test ui check bench lint format types docs lock clean deploy

help: ## this menu
	@echo "make <what>:"
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-9s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## the virtual environment with everything in it (the others do this first)

demo: $(READY) ## the main job on real recorded prices, a file that comes by an event, and a contest with its report
	@$(BIN)/tapeline demo

test: $(READY) ## all tests
	@$(BIN)/pytest -n auto $(PYTEST_ARGS)

ui: $(READY) ## the full Airflow with all DAGs at http://localhost:8080
	@$(BIN)/tapeline ui

check: $(READY) lint types test ## what CI runs: lint, format, types, import rule, templates, tests

bench: $(READY) ## the benchmarks, side by side
	@$(BIN)/python -m benchmarks

lint: $(READY) ## linters: ruff, format check, import rule, CloudFormation templates, GitHub workflows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/cfn-lint infrastructure/cloudformation/*.yaml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-actions .github/actions/*/action.yml
	@$(BIN)/zizmor --offline --quiet .github

format: $(READY) ## rewrite the code in the one format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(READY) ## the type checker
	@$(BIN)/mypy

docs: $(READY) ## the pages that are made from the code: contracts, DAGs, the README's table of settings
	@$(BIN)/python -m devstack.docs

lock: $(READY) ## pin the newest versions that fit pyproject.toml
	@scripts/lock --upgrade

deploy: $(READY) ## the CloudFormation stacks to AWS: make deploy ENV=dev REGION=us-east-1
	@$(BIN)/python -m devstack.deploy --environment $(ENV) --region $(REGION)

clean: ## stop the local default and remove everything that was made here, data included
	@if [ -x $(BIN)/tapeline ]; then $(BIN)/tapeline down; fi
	@rm -rf $(VENV) .tapeline *.egg-info build dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements-dev.txt pyproject.toml scripts/setup-venv
	@scripts/setup-venv $(VENV)
