# Each target sets up what it needs first; `make setup` says so in one line when nothing is missing.
PYTHON ?= python3
ARGS ?=

.PHONY: help base setup demo test test-all lint clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

base:
	@$(PYTHON) .ci/setup.py

setup: base ## the virtual environment, Rust, Terraform, linters, a browser: everything the others need
	@.venv/bin/python .ci/tools.py

demo: base ## the whole story on the embedded AWS: a good release, a bad one, the rollback
	@.venv/bin/crabwalk demo $(ARGS)

test: setup ## lint, types, Rust, then every test
	@.venv/bin/python .ci/checks.py lint rust pytest -- $(ARGS)

test-all: setup ## the same with cargo-deny and the exhaustive tests
	@CRABWALK_EXHAUSTIVE=1 .venv/bin/python .ci/checks.py lint rust supply pytest -- $(ARGS)

lint: setup ## ruff, mypy, checkov, rustfmt, clippy
	@.venv/bin/python .ci/checks.py lint

clean: ## remove what set-up, builds and tests left in this folder
	rm -rf .venv target .crabwalk .pytest_cache .mypy_cache .ruff_cache .hypothesis demo-*.svg
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
