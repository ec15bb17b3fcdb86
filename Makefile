# Practicum from a fresh clone: `make demo` and `make test` need python3, git and make.
# Everything they install is locked by hash in requirements/ and lies in .venv.

SHELL := /bin/sh
# Where it is set, each of thousands of starts would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.SUFFIXES:

VENV  ?= .venv
BIN   := $(VENV)/bin
LOCKED := $(VENV)/.locked
STAMP := $(VENV)/.installed
PY    := $(BIN)/python

# The newest final Python from 3.11 on; another one with: make install PYTHON=/path/to/python
PYTHON ?=
CANDIDATES := python3.15 python3.14 python3.13 python3.12 python3.11 python3 python
NEW_ENOUGH := import sys; v = sys.version_info; sys.exit(v < (3, 11) or v.releaselevel != "final")
# As many files of tests at a time as there are cores, each with a control plane of its own; in
# the order of tests/conftest.py, and not by how many tests there are in a file.
PARALLEL ?= -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# Only these are read for examples: to import all of the others takes each process two seconds.
EXAMPLES = $(shell grep -rl --include='*.py' '>>> ' provisioner)
PIP := $(PY) -m pip --disable-pip-version-check --no-input

.PHONY: help install demo demo-hosts demo-kind test check lint format types layers locks playbook-lint unit soak bench \
  lock clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) \
	  | awk -F':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

install: $(STAMP)  ## Make .venv with everything that is locked in requirements/dev.txt

$(LOCKED): requirements/dev.txt
	@set -eu; \
	if $(PY) -m pip --version >/dev/null 2>&1 && $(PY) -c '$(NEW_ENOUGH)'; then exit 0; fi; \
	chosen=; \
	for python in $(if $(PYTHON),$(PYTHON),$(CANDIDATES)); do \
	  if $$python -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then chosen=$$python; break; fi; \
	done; \
	if [ -z "$$chosen" ]; then \
	  echo "make: Practicum needs Python 3.11 or later; $(or $(PYTHON),python3) is: $$($(or $(PYTHON),python3) --version 2>&1)" >&2; \
	  echo "make: Install one, or name it with: make install PYTHON=/path/to/python3.11" >&2; \
	  exit 1; \
	fi; \
	if ! $$chosen -c 'import ensurepip, venv' >/dev/null 2>&1; then \
	  echo "make: $$chosen cannot make a virtual environment: it lacks the module venv." >&2; \
	  echo "make: On Debian and Ubuntu: apt install python3-venv" >&2; \
	  exit 1; \
	fi; \
	echo "Making $(VENV) with $$($$chosen --version); this takes a minute, once"; \
	$$chosen -m venv --clear $(VENV)
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

$(STAMP): $(LOCKED) pyproject.toml
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)  ## A course of 30 students, from a Canvas export to a proven teardown
	@$(PY) docs/demo.py $(ARGS)

demo-hosts: $(STAMP)  ## Ten students on two lab hosts, over SSH, from the first key to the receipt
	@$(PY) docs/demo_hosts.py $(ARGS)

demo-kind: $(STAMP)  ## Three students, a kind cluster each, from the node image to the receipt
	@$(PY) docs/demo_kind.py $(ARGS)

test: check  ## Everything: check, and all tests but the soak
	$(PY) -m pytest -m "not soak" $(PARALLEL) $(ARGS)

check: lint format types layers locks playbook-lint  ## Lint, format, types, layers, lock files (-k: all that is wrong)

lint: $(STAMP)
	$(BIN)/ruff check

format: $(STAMP)
	$(BIN)/ruff format --check

types: $(STAMP)
	$(BIN)/mypy
	$(BIN)/mypy docs/*.py requirements/*.py bench

layers: $(STAMP)
	$(BIN)/lint-imports --no-logo

locks: $(STAMP)
	$(PY) requirements/lock.py --check

playbook-lint: $(STAMP)
	@if ls playbooks/*.y*ml >/dev/null 2>&1; then \
	  echo "ansible-lint --offline playbooks"; \
	  ANSIBLE_LIBRARY=playbooks/library ANSIBLE_MODULE_UTILS=playbooks/module_utils \
	  PATH="$(abspath $(BIN)):$$PATH" $(BIN)/ansible-lint --offline playbooks; \
	else \
	  echo "There are no playbooks yet for ansible-lint to look at."; \
	fi

unit: $(STAMP)  ## The quick tests: no control plane, no Pulumi engine, no Ansible
	$(PY) -m pytest -m "not cluster and not soak" $(PARALLEL) tests/unit tests/cli $(EXAMPLES) $(ARGS)

soak: $(STAMP)  ## The tests that take long, and those of chance with other examples
	@$(PY) -m pytest -m "soak or (hypothesis and not cluster)" --hypothesis-profile=anew $(ARGS) \
	  || { code=$$?; \
	  if [ $$code -eq 5 ]; then echo "No soak test ran: there is none that matches."; else exit $$code; fi; }

bench: $(STAMP)  ## Measure against kubectl; writes bench/last.md
	$(PY) -m bench $(ARGS)

lock: $(STAMP)  ## Write requirements/*.txt anew (UPGRADE=1 takes the newest versions)
	$(PY) requirements/lock.py $(if $(UPGRADE),--upgrade)

clean:  ## Delete what was made here: .venv and caches (.practicum and the toolchain stay)
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache \
	  .hypothesis .import_linter_cache .ansible
	find . -name __pycache__ -type d -not -path './.practicum/*' -prune -exec rm -rf {} +
