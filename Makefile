# `make run` does the main job, `make test` runs the tests, `make check` what a change must pass.
# Another interpreter: make run PYTHON=python3.12. Further flags for pip: make run PIP_FLAGS="...".
PYTHON ?= python3
PIP_FLAGS ?=
FLAGS ?=
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test test-cluster lint check clean sandbox bench bench-claims browser
run: $(VENV)/.installed sandbox
	$(BIN)/python launch_scientist.py --idea weight_initialization_grokking $(FLAGS)

test: $(VENV)/.installed-dev sandbox browser
	$(BIN)/python -m pytest -n 2 --dist worksteal

# Studies on a real Ray and a real Slurm of two nodes, in a network name space, since both listen on every interface.
# Needs about 600 MB for Ray, and name spaces; Slurm: sudo apt install slurmctld slurmd slurm-client munge, and to be root.
test-cluster: $(VENV)/.installed-cluster sandbox
	unshare $$([ "$$(id -u)" = 0 ] || echo --map-root-user) --net --pid --fork --mount-proc sh -c \
	  'ip link set lo up; ip address add 10.99.0.1/24 dev lo; $(BIN)/python -m pytest tests/test_cluster.py; exit $$?'

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test

# What the loop costs, and how busy many ideas keep devices: docs/performance.md.
bench: $(VENV)/.installed-dev sandbox
	@$(BIN)/python -m benchmarks.training
	@$(BIN)/python -m benchmarks.loop
	@$(BIN)/python -m benchmarks.many_ideas

# How well notes are checked: precision and recall over the labelled folders of tests/claims_set.
bench-claims: $(VENV)/.installed-dev
	@$(BIN)/python -m benchmarks.claims

# Experiments run under bubblewrap. It is installed here where that needs no password; elsewhere it is said how.
sandbox:
	@command -v bwrap >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq bubblewrap; } || \
	  { sudo -n true && sudo apt-get update -qq && sudo apt-get install -y -qq bubblewrap; } 2>/dev/null || \
	  echo "bubblewrap is not installed; a weaker sandbox (Landlock) is used if it works. Debian, Ubuntu: sudo apt install bubblewrap"

# The tests of the report look at it in Chromium; where there is none they are skipped.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq chromium; } || \
	  { sudo -n true && sudo apt-get update -qq && sudo apt-get install -y -qq chromium; } 2>/dev/null || \
	  echo "Chromium is not installed; the tests of the report in a browser are skipped. Debian, Ubuntu: sudo apt install chromium"

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || { \
	  echo "AI Scientist needs Python 3.11 or 3.12 (aider-chat does not run on later ones); $(PYTHON) is another."; \
	  echo "Name one: make run PYTHON=python3.12"; exit 1; }
	@command -v git >/dev/null || { echo "git is not installed. Debian, Ubuntu: sudo apt install git"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "No virtual environment could be made. Debian, Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "Installing into $(VENV): about 2 GB, some minutes ..."
	@$(BIN)/pip install --quiet $(PIP_FLAGS) --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/pip install --quiet $(PIP_FLAGS) --constraint constraints.txt --editable ".[dev]"
	@touch $@

$(VENV)/.installed-cluster: $(VENV)/.installed-dev
	@$(BIN)/pip install --quiet $(PIP_FLAGS) --constraint constraints.txt --editable ".[dev,ray,slurm]"
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
