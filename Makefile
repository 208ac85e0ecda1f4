# make run     installs into .venv and serves, with embedded PostgreSQL and Redis
# make test    installs and passes all tests
# make check   what continuous integration runs: lint, types, import rules, tests

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Tests run in this many processes, each with a database of its own.
TEST_PROCESSES ?= 2

SOURCES := mobile_contract sync server migrations tests
# Changes when the pinned list, the interpreter or the place of this folder changes.
STAMP = $(VENV)/.installed-$(shell { cat requirements.txt server/web/packages/package-lock.json; "$(PYTHON)" -VV; pwd; } 2>/dev/null | cksum | cut -d' ' -f1)

.DEFAULT_GOAL := help
.PHONY: help install run test check lint format types imports bench screenshots soak mediaproof clean

help:
	@sed -n '1,3s/^# //p' Makefile
	@echo 'make bench · make soak · make mediaproof · make screenshots · make lint · make types · make imports · make format · make clean'

install:
	@test -e "$(STAMP)" || $(MAKE) --no-print-directory _install

.PHONY: _install
_install:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Roadbook needs Python 3.11 or newer; '$(PYTHON)' is $$("$(PYTHON)" -V 2>&1 | head -n1). Name another: make run PYTHON=python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv is missing. Install it (Debian, Ubuntu: apt-get install python3-venv) and try again." >&2; exit 1; }
	@echo 'Installing into $(VENV) …'
	@rm -f $(VENV)/.installed-*
	@made="$$("$(PYTHON)" -VV) $$(pwd)"; test "$$(cat $(VENV)/.made-for 2>/dev/null)" = "$$made" || \
	  { rm -rf $(VENV) && "$(PYTHON)" -m venv $(VENV) && echo "$$made" > $(VENV)/.made-for; } || \
	  { echo "No virtual environment could be made in $(VENV); the line above says why." >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input -r requirements.txt || \
	  { echo "The packages of requirements.txt could not be installed; the lines above say why." >&2; exit 1; }
	@pwd > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/roadbook.pth"
	@$(BIN)/python -m server.web.vendor
	@$(MAKE) --no-print-directory _command
	@touch "$(STAMP)"

# A shell's script: a first line that names the interpreter ends at a space of its path.
.PHONY: _command
_command:
	@$(BIN)/python -c 'import shlex, sys; print("#!/bin/sh", "exec " + shlex.quote(sys.executable) + " -P -m server \"$$@\"", sep="\n")' > $(BIN)/roadbook && chmod +x $(BIN)/roadbook

run: install
	@exec $(BIN)/python -m server serve $(ARGS)

test: install
	@$(BIN)/python -m tests.tus_client.install
	@$(BIN)/python -m tests.browser
	@$(BIN)/python -m pytest -q -n $(TEST_PROCESSES) $(ARGS)

check: lint types imports test

lint: install
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)

format: install
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

types: install
	@$(BIN)/mypy

imports: install
	@$(BIN)/lint-imports --config setup.cfg

bench: install
	@$(BIN)/python -m tests.bench $(ARGS)

screenshots: install
	@$(BIN)/python -m tests.browser
	@$(BIN)/python -m tests.screenshots $(ARGS)

soak: install
	@$(BIN)/python -m tests.soak $(ARGS)

mediaproof: install
	@$(BIN)/python -m tests.media_proof $(ARGS)

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis build
	@echo 'Removed the installation and the caches. Data stays in var/.'
