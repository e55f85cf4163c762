# The commands of this project. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CHECKOV := .tools/checkov
PACKAGES := switchyard components devtools

.DEFAULT_GOAL := help
.PHONY: help up down test test-unit test-sandbox test-canary test-rehearsal test-traffic test-moves rehearse lint format bench lock reference \
	tools walk tools-nodes tools-canary tools-ec2
# What `make test` runs, in this order.
PARTS := test-unit test-sandbox test-canary test-rehearsal test-traffic
PYTEST := $(BIN)/python -m pytest --durations 15
# A file at a time, in their order: the tests of many files share a stack, which each leaves to those after it.
BY_FILE := --dist loadfile --no-loadscope-reorder
# Each run of the engine starts a Python of its own: without compiled modules a sixth of what it computes is compiling.
unexport PYTHONDONTWRITEBYTECODE
# The stack that `make rehearse` runs.
STACK ?= production
# Of the random walk that `make walk` takes.
STEPS ?= 5000
# Releases that `make walk` kills at any moment, with the real engine, and at a write, with a simulated one.
KILLS ?= 20
WRITE_KILLS ?= 1000
# Commands with faults of the API server and of the engine.
FAULTY_COMMANDS ?= 500
# What worker-1 and worker-2 of the sandbox are: empty (as they are), simulated or real.
NODES ?=
REAL_NODES_RUN_HERE = [ "$$(uname)" = Linux ] && [ "$$(id -u)" = 0 ]

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.11 ..." >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
		{ echo "No virtual environment could be made; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing Python packages into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable . 2>/dev/null || \
		$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

tools: $(INSTALLED) ## install the pinned engine, provider and servers into .tools
	@$(BIN)/python -m devtools.toolchain install

tools-nodes: tools ## what real nodes need besides
	@$(BIN)/python -m devtools.toolchain install --group nodes

tools-canary: tools ## what canaries need besides: Argo Rollouts and Prometheus
	@$(BIN)/python -m devtools.toolchain install --group canary

tools-ec2: tools $(CHECKOV)/.installed ## what the tests of a cluster of EC2 machines need besides: kubeadm, cloud-init, checkov
	@$(BIN)/python -m devtools.toolchain install --group core --group ec2 kubelet

# An environment of its own: it wants other versions than this project.
$(CHECKOV)/.installed: devtools/rehearsal/policy/checkov.txt | $(INSTALLED)
	@echo "Installing checkov into $(CHECKOV), about a minute and 300 MB ..."
	@rm -rf $(CHECKOV)
	@$(BIN)/python -m venv $(CHECKOV)
	@$(CHECKOV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r devtools/rehearsal/policy/checkov.txt
	@touch $@

up: tools$(if $(filter real,$(NODES)),-nodes) ## from a fresh clone to stack `local`, running; NODES=real for two real nodes
	@$(BIN)/python -m devtools.sandbox up $(if $(NODES),--nodes $(NODES))
	@$(BIN)/python -m devtools.sandbox.local_stack up

down: $(INSTALLED) ## remove the local cluster and its state
	@$(BIN)/python -m devtools.sandbox.local_stack down
	@$(BIN)/python -m devtools.sandbox down

rehearse: $(if $(POLICY),tools-ec2,tools) ## a whole stack of kind ec2 on fake AWS, before it costs anything; STACK=staging; POLICY=1 checks it with checkov
	@$(BIN)/python -m devtools.rehearsal $(STACK) $(if $(POLICY),--policy)

test: tools ## all tests, installing what they need; ends with what each part took
	@took=; for part in $(PARTS); do \
		start=$$(date +%s); $(MAKE) --no-print-directory $$part || exit; \
		took="$$took$$(printf '%-15s %5d s' $$part $$(($$(date +%s) - start)))\n"; \
	done; printf "\nWhat each part took:\n$$took"

# Each process imports and collects everything, a fifth of what the tests compute. Two finish sooner than one all the same.
test-unit: $(INSTALLED) ## configuration, renderers, gates, components on mocks
	@$(PYTEST) --numprocesses 2 tests/unit

test-sandbox: tools ## the real engine against a real API server
	@$(PYTEST) --numprocesses 3 $(BY_FILE) tests/integration/sandbox

walk: tools ## a long random walk on simulated nodes, an hour or more: 5,000 steps, 1,020 kills, 500 commands with faults; STEPS=1000 KILLS=5 WRITE_KILLS=100 FAULTY_COMMANDS=50 for fewer
	@SWITCHYARD_WALK_STEPS=$(STEPS) SWITCHYARD_KILLS=$(KILLS) SWITCHYARD_WRITE_KILLS=$(WRITE_KILLS) \
		SWITCHYARD_FAULTY_COMMANDS=$(FAULTY_COMMANDS) $(PYTEST) --capture no tests/integration/sandbox/test_random_walk.py \
		tests/integration/sandbox/test_killed_releases.py tests/integration/sandbox/test_killed_writes.py \
		tests/integration/sandbox/test_faulty_commands.py

test-canary: tools-canary ## Argo Rollouts and Prometheus, the real ones, on simulated nodes
	@$(PYTEST) --numprocesses 2 $(BY_FILE) tests/integration/canary

test-rehearsal: tools-ec2 tools-canary ## stacks of kind ec2, whole, in the real engine, on fake providers for AWS
	@$(PYTEST) --numprocesses 2 $(BY_FILE) tests/integration/rehearsal

# In one process: with two workers on two cores, 3 of 32,757 requests failed in one of two runs, probably because the
# load of one test takes CPU time from the pods of the other.
test-traffic: tools ## real nodes under load, on Linux as root; skipped elsewhere
	@if [ "$$SANDBOX" = kind ]; then $(BIN)/python -m devtools.toolchain install --group traffic; \
	elif $(REAL_NODES_RUN_HERE); then $(BIN)/python -m devtools.toolchain install --group nodes --group traffic; fi
	@$(PYTEST) tests/integration/traffic

test-moves: tools ## the runbook's moves under load, between two clusters as well; on Linux as root
	@if $(REAL_NODES_RUN_HERE); then $(BIN)/python -m devtools.toolchain install --group nodes --group traffic; fi
	@SWITCHYARD_TWO_CLUSTERS=1 $(PYTEST) tests/integration/traffic/test_moves.py

lint: $(INSTALLED) ## formatting, lint, types, import rules, wording, shell scripts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy $(PACKAGES) tests examples/backend/app.py __main__.py
	@$(BIN)/lint-imports
	@$(BIN)/python -m devtools.wording
	@$(BIN)/shellcheck .ci/run switchyard/bootstrap/node_scripts/*.sh

format: $(INSTALLED) ## format, and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

reference: $(INSTALLED) ## generate docs/configuration.md and its JSON schema from the settings models
	@$(BIN)/python -m switchyard.config.reference

bench: tools ## measure switches, what users see, and what runs cost; hours, as root on Linux; AGAINST=another checkout
	@$(BIN)/python -m devtools.toolchain install --group nodes --group traffic --group peers --group canary
	@$(BIN)/python -m devtools.benchmarks $(if $(AGAINST),--against $(AGAINST))

lock: $(INSTALLED) ## renew requirements.txt from pyproject.toml (needs uv)
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate \
		--no-header --all-extras pyproject.toml -o requirements.txt
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate \
		--no-header devtools/rehearsal/policy/checkov.in -o devtools/rehearsal/policy/checkov.txt
