# The commands of this project. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CHECKOV := .tools/checkov
PACKAGES := switchyard components devtools

.DEFAULT_GOAL := help
.PHONY: help up down test test-unit test-sandbox test-canary test-rehearsal test-traffic test-moves rehearse lint format bench lock reference \
	tools walk tools-nodes tools-canary tools-ec2 tools-traffic
# What `make test` runs. test-traffic runs beside the others, which run in this order. test-canary, with the time limits
# of a real controller, comes last, when the load is over.
PARTS := test-unit test-rehearsal test-sandbox test-canary test-traffic
PYTEST := $(BIN)/python -m pytest --durations 15
# One worker runs all tests of a file, in their order, because they share a stack whose state they hand to the next test.
BY_FILE := --dist loadfile --no-loadscope-reorder
# Each run of the engine starts Python. Without compiled modules, compiling them takes a sixth of its CPU time.
unexport PYTHONDONTWRITEBYTECODE
# The stack that `make rehearse` runs.
STACK ?= production
# Number of steps of the random walk of `make walk`.
STEPS ?= 5000
# Numbers of releases that `make walk` kills at a random moment with the real engine, and at a write with a simulated one.
KILLS ?= 20
WRITE_KILLS ?= 1000
# Number of commands with faults of the API server and of the engine.
FAULTY_COMMANDS ?= 500
# The nodes worker-1 and worker-2 of the sandbox: simulated or real; empty keeps them as they are.
NODES ?=
REAL_NODES_RUN_HERE = [ "$$(uname)" = Linux ] && [ "$$(id -u)" = 0 ]

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed. To choose an interpreter: make PYTHON=python3.11 ..." >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
		{ echo "No virtual environment could be created; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing Python packages into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable . 2>/dev/null || \
		$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

tools: $(INSTALLED) ## install the pinned engine, provider and servers into .tools
	@$(BIN)/python -m devtools.toolchain install

tools-nodes: tools ## install what real nodes need as well
	@$(BIN)/python -m devtools.toolchain install --group nodes

tools-canary: tools ## install what canaries need as well: Argo Rollouts and Prometheus
	@$(BIN)/python -m devtools.toolchain install --group canary

tools-ec2: tools $(CHECKOV)/.installed ## install what the tests of kind ec2 need as well: kubeadm, cloud-init, checkov
	@$(BIN)/python -m devtools.toolchain install --group core --group ec2 kubelet

tools-traffic: tools ## install what load on real nodes needs as well, where they can run
	@if [ "$$SANDBOX" = kind ]; then $(BIN)/python -m devtools.toolchain install --group traffic; \
	elif $(REAL_NODES_RUN_HERE); then $(BIN)/python -m devtools.toolchain install --group nodes --group traffic; fi

# In a separate virtual environment, because checkov needs other versions of its dependencies than this project.
$(CHECKOV)/.installed: devtools/rehearsal/policy/checkov.txt | $(INSTALLED)
	@echo "Installing checkov into $(CHECKOV), about a minute and 300 MB ..."
	@rm -rf $(CHECKOV)
	@$(BIN)/python -m venv $(CHECKOV)
	@$(CHECKOV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r devtools/rehearsal/policy/checkov.txt
	@touch $@

up: tools$(if $(filter real,$(NODES)),-nodes) ## create the local cluster and stack `local`, installing what they need; NODES=real for two real nodes
	@$(BIN)/python -m devtools.sandbox up $(if $(NODES),--nodes $(NODES))
	@$(BIN)/python -m devtools.sandbox.local_stack up

down: $(INSTALLED) ## remove the local cluster and its state
	@$(BIN)/python -m devtools.sandbox.local_stack down
	@$(BIN)/python -m devtools.sandbox down

rehearse: $(if $(POLICY),tools-ec2,tools) ## create and destroy a stack of kind ec2 on fake AWS, at no cost; STACK=staging; POLICY=1 checks it with checkov
	@$(BIN)/python -m devtools.rehearsal $(STACK) $(if $(POLICY),--policy)

test: tools-canary tools-ec2 tools-traffic ## run all tests, installing what they need; ends with the duration of each part
	@$(BIN)/python -m devtools.run_tests $(PARTS)

# Each process imports and collects everything, a fifth of the CPU time of the tests. Two still finish sooner than one.
test-unit: $(INSTALLED) ## test configuration, renderers, gates, and components on mocks
	@$(PYTEST) --numprocesses 2 tests/unit

test-sandbox: tools ## test the real engine against a real API server
	@$(PYTEST) --numprocesses 3 $(BY_FILE) tests/integration/sandbox

walk: tools ## test a long random walk on simulated nodes, an hour or more: 5,000 steps, 1,020 kills, 500 commands with faults; STEPS=1000 KILLS=5 WRITE_KILLS=100 FAULTY_COMMANDS=50 for fewer
	@SWITCHYARD_WALK_STEPS=$(STEPS) SWITCHYARD_KILLS=$(KILLS) SWITCHYARD_WRITE_KILLS=$(WRITE_KILLS) \
		SWITCHYARD_FAULTY_COMMANDS=$(FAULTY_COMMANDS) $(PYTEST) --capture no tests/integration/sandbox/test_random_walk.py \
		tests/integration/sandbox/test_killed_releases.py tests/integration/sandbox/test_killed_writes.py \
		tests/integration/sandbox/test_faulty_commands.py

test-canary: tools-canary ## test with the real Argo Rollouts and Prometheus, on simulated nodes
	@$(PYTEST) --numprocesses 2 $(BY_FILE) tests/integration/canary

test-rehearsal: tools-ec2 tools-canary ## test whole stacks of kind ec2 in the real engine, on fake AWS providers
	@$(PYTEST) --numprocesses 2 $(BY_FILE) tests/integration/rehearsal

# In one process: with two workers on two cores, 3 of 32,757 requests failed in one of two runs, probably because the
# load of one test takes CPU time from the pods of the other.
test-traffic: tools-traffic ## test real nodes under load, on Linux as root; skipped elsewhere
	@$(PYTEST) tests/integration/traffic

test-moves: tools ## test the runbook's moves of a service and a stack under load, also between two clusters; on Linux as root
	@if $(REAL_NODES_RUN_HERE); then $(BIN)/python -m devtools.toolchain install --group nodes --group traffic; fi
	@SWITCHYARD_TWO_CLUSTERS=1 $(PYTEST) tests/integration/traffic/test_moves.py

lint: $(INSTALLED) ## check formatting, lint, types, import rules, wording, shell scripts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy $(PACKAGES) tests examples/backend/app.py __main__.py
	@$(BIN)/lint-imports
	@$(BIN)/python -m devtools.wording
	@$(BIN)/shellcheck .ci/run switchyard/bootstrap/node_scripts/*.sh

format: $(INSTALLED) ## format the code, and fix what ruff can fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

reference: $(INSTALLED) ## generate docs/configuration.md and its JSON schema from the settings models
	@$(BIN)/python -m switchyard.config.reference

bench: tools ## measure switches, what users see, and the cost of runs; hours, as root on Linux; AGAINST=another checkout
	@$(BIN)/python -m devtools.toolchain install --group nodes --group traffic --group peers --group canary
	@$(BIN)/python -m devtools.benchmarks $(if $(AGAINST),--against $(AGAINST))

lock: $(INSTALLED) ## renew requirements.txt from pyproject.toml (needs uv)
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate \
		--no-header --all-extras pyproject.toml -o requirements.txt
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate \
		--no-header devtools/rehearsal/policy/checkov.in -o devtools/rehearsal/policy/checkov.txt
