# Sets up .venv with the standard library's venv and pip, then runs one thing in it.
PYTHON  ?= python3
UV      ?= uv
VENV    ?= .venv
BIN     := $(VENV)/bin
STAMP   := $(VENV)/.stamp
PIP     := $(BIN)/python -m pip --disable-pip-version-check -qq
# Arguments for `make torture` and `make bench`, such as TORTURE="--kills 60".
TORTURE ?=
BENCH   ?=

# The stamp says whose environment it is: one of another Python than is asked for with PYTHON=… is made anew.
WHOSE   := import sys; print(sys.base_prefix, sys.hexversion)
ifneq ($(origin PYTHON),file)
ifneq ($(shell $(PYTHON) -c '$(WHOSE)' 2>/dev/null),$(shell cat $(STAMP) 2>/dev/null))
ANEW    := anew
endif
endif

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: demo test check bench torture lock clean anew

demo: $(STAMP)
	$(BIN)/sagamore demo

test: $(STAMP)
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

check: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python -m bench $(BENCH)

torture: $(STAMP)
	$(BIN)/python -m tests.torture $(TORTURE)

$(STAMP): pyproject.toml requirements.lock $(ANEW)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer needed; run: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" or 0)'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "this Python has no venv; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(ANEW:anew=--clear) $(VENV)
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --check-build-dependencies -e .
	@$(PYTHON) -c '$(WHOSE)' > $@

# One lock for every Python from 3.11 on, without host names. Needs uv (or UV=/path/to/uv).
lock:
	$(UV) pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links pyproject.toml requirements-build.in -o requirements.lock

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
