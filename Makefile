# Two commands to know: `make demo` and `make test`. Everything is kept in .venv, .linewright and web/dist.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo demo-check test check bench bench-analytics soak chaos clean web
.DEFAULT_GOAL := help

help:            ## Show this list
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  +##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: .venv/ready web           ## A simulated plant, from register to work order, in one terminal (Ctrl-C ends it)
	@$(BIN)/linewright up --simulate

demo-check: .venv/ready web     ## The same without a person; ends with one JSON object, exit 0 only when clean
	@$(BIN)/linewright demo-check

test: .venv/ready-dev web       ## All tests, against real parts; ARGS="tests/api -k label" picks some
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: .venv/ready-dev          ## Lint, types, walls, sizes, locks, generated files
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/check

bench: .venv/ready-dev web      ## Benchmarks, one JSON line a figure; ONLY=poll_modbus runs one
	@$(BIN)/python -m benchmarks $(ONLY)

bench-analytics: .venv/ready-dev ## Every board of the analytics beside simple rules, in ten minutes; ONLY=skab runs one
	@$(BIN)/python -m benchmarks.analytics $(if $(ONLY),--board $(ONLY))

soak: .venv/ready-dev           ## The long tests, hours in full; ARGS="--short" minutes, ARGS="--part reconnects" one
	@$(BIN)/python -m tests.soak $(ARGS)

chaos: .venv/ready-dev          ## Kills, clones, restores, frozen databases, all accounted for; ARGS="--short" minutes
	@$(BIN)/python -m tests.chaos $(ARGS)

web: .venv/ready                ## The phone app, built when its sources changed
	@$(BIN)/python scripts/build-web --node || $(PYTHON) scripts/bootstrap requirements-web.lock
	@$(BIN)/python scripts/build-web

clean:                          ## Remove what was built; data in .linewright stays
	rm -rf .venv web/dist web/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/ready: requirements.lock pyproject.toml scripts/bootstrap
	@$(PYTHON) scripts/bootstrap requirements.lock && touch $@

.venv/ready-dev: requirements-dev.lock .venv/ready
	@$(PYTHON) scripts/bootstrap requirements-dev.lock && touch $@
