# `make` lists the targets. All share one environment, .venv, which is made once; a target installs its requirements
# into it only when their file has changed.

VENV := .venv
PY := $(VENV)/bin/python
UV := uv==0.13.9

# The first Python that runs and is new enough. 3.13 comes first: it is the function's default, so .pyc files match.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

# The tests start thousands of Pythons, each of which would compile what it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo chaos simulate bench test test-engine docs metrics golden screenshot lock clean venv

help:
	@echo 'make demo         deploy the print-color stack to local AWS, run an array job, show what each channel received'
	@echo '                  (ARGS="--fail 2,5 --size 12 --json")'
	@echo 'make chaos        run jobs while everything fails, account for each message (ARGS="--jobs 200 --seed 7")'
	@echo 'make simulate     run the dispatcher in simulated worlds, 10,000 by default, and show each promise it breaks'
	@echo '                  (ARGS="--seeds 500 --without kill", ARGS="--seed 7 --trace")'
	@echo 'make bench        measure speed and cost, 10 minutes at most; exit code 1 if a bound is missed'
	@echo '                  (ARGS="--only cold-start --trial"; then ARGS=--docs writes docs/performance.md)'
	@echo 'make test         check style and types, run all tests (ARGS="-k slack" goes to pytest)'
	@echo 'make test-engine  run only the tests with the real Pulumi engine'
	@echo 'make docs         write what is made from the models of the settings: the config block of Pulumi.yaml,'
	@echo '                  docs/configuration.md and plugin/schema.json'
	@echo 'make metrics      list the metrics that AWS publishes anew, for the judge of the alarms; needs npm'
	@echo 'make golden       write what messages look like into tests/golden; then read git diff'
	@echo 'make screenshot   take the picture in the README again, with the Chromium on PATH'
	@echo 'make lock         pin the requirements (UPGRADE=--upgrade for newer versions)'
	@echo 'make clean        remove what the others made: the environment, packages, caches'

demo: $(VENV)/.made
	@$(call install,requirements-local.txt,requirements-dev.txt)
	@$(PY) -m demo $(ARGS)

chaos: $(VENV)/.made
	@$(call install,requirements-local.txt,requirements-dev.txt)
	@$(PY) -m demo.chaos $(ARGS)

simulate: $(VENV)/.made
	@$(call install,requirements-dev.txt,)
	@$(PY) -m tests.simulation --seeds 10000 $(ARGS)

# For a machine that does nothing else. The preview needs the Pulumi CLI, as the engine tests do; what batchbell is
# compared with is installed in a cache, once.
bench: $(VENV)/.made
	@$(call install,requirements-dev.txt,)
	@$(PY) tests/engine/cli/build.py > /dev/null
	@$(PY) -m bench.peers.install > /dev/null
	@$(PY) -m bench $(ARGS)

# If ARGS selects tests, the CLI is built only if one of them needs it.
test: $(VENV)/.made
	@$(call install,requirements-dev.txt,)
	$(if $(filter -m -k tests/%,$(ARGS)),,@$(PY) tests/engine/cli/build.py --start)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	@$(PY) -m tests.browser.chromium
	$(PY) -m pytest -n 6 --dist loadfile --no-loadscope-reorder $(ARGS)

# The engine is on PATH, or Go builds it once. With neither, these tests are skipped; with CI=true that is a failure.
test-engine: $(VENV)/.made
	@$(call install,requirements-dev.txt,)
	@$(PY) tests/engine/cli/build.py > /dev/null
	$(PY) -m pytest -n 6 --dist loadfile --no-loadscope-reorder tests/engine $(ARGS)

docs: $(VENV)/.made
	@$(call install,requirements-local.txt,requirements-dev.txt)
	@$(PY) -m tools.config_files

metrics: $(VENV)/.made
	@$(PY) -m tools.aws_metrics

# It uses this machine's fonts: emoji need Debian's fonts-noto-color-emoji.
screenshot: $(VENV)/.made
	@$(call install,requirements-dev.txt,)
	@mkdir -p .batchbell
	@$(PY) -m batchbell preview --out .batchbell/preview.html
	$(PY) -m tests.browser.screenshot .batchbell/preview.html docs/preview.png

golden: $(VENV)/.made
	@$(call install,requirements-dev.txt,)
	@$(PY) -m tests.golden

# Install $(1), unless it, or $(2) which includes all of it, was the last file installed.
# A lock names every distribution with its hashes, so pip has nothing to resolve. .pyc files are made on first use.
define install
cmp -s $(1) $(VENV)/$(1) || { test -n "$(2)" && cmp -s $(2) $(VENV)/$(2); } || { \
	echo 'Installing $(1) into $(VENV) ...' >&2; \
	rm -f $(VENV)/requirements*.txt; \
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(PY) -m pip install --quiet --no-compile --no-deps --require-hashes -r $(1) \
	&& cp $(1) $(VENV)/$(1); }
endef

# An environment that `pulumi install` made is kept, and the other way round.
$(VENV)/.made:
	@$(PY) -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || $(MAKE) --no-print-directory venv
	@touch $@

venv:
	@test -n '$(PYTHON)' || \
		{ echo 'Python 3.11 or newer is needed: install it, or name it: make PYTHON=/path/to/python3' >&2; exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo '$(PYTHON) does not run or is older than Python 3.11' >&2; exit 1; }
	@'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo '$(PYTHON) has no venv: on Debian and Ubuntu, apt install python3-venv' >&2; exit 1; }
	@rm -rf $(VENV)
	@'$(PYTHON)' -m venv $(VENV)

# dev first: it includes the others, which are then pinned to the same versions.
LOCK = $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate $(UPGRADE)

lock: $(VENV)/.made
	@test -x $(VENV)/lock/bin/uv || { $(PY) -m venv $(VENV)/lock && $(VENV)/lock/bin/python -m pip install --quiet $(UV); }
	@$(call compile,dev.in,requirements-dev.txt,)
	@$(call compile,local.in,requirements-local.txt,--constraint requirements-dev.txt)
	@$(call compile,deploy.in,requirements.txt,--constraint requirements-dev.txt)

define compile
echo '$(2)'; \
{ test ! -f $(2) || grep -v '^#' $(2) > $(VENV)/lock/$(2); }; \
$(LOCK) requirements/$(1) $(3) --output-file $(VENV)/lock/$(2) > /dev/null && \
{ echo '# Made by `make lock` from requirements/$(1): edit that file instead.'; cat $(VENV)/lock/$(2); } > $(2)
endef

clean:
	rm -rf $(VENV) .batchbell .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
