# make demo   local AWS on this machine, the print-color stack, an array job, what arrived
# make chaos  the same stack while everything fails: what was lost, doubled, dead, and why
# make bench  how fast, how cheap, how far, measured here; exit code 1 where a bound is missed
# make test   style, types, all tests
# make golden  what each kind of message looks like on each channel: tests/golden, written anew
# make test-engine   of these, the tests with the real Pulumi engine
# make docs   Pulumi.yaml's config block and docs/configuration.md, from the settings' models
#
# All share one environment, .venv. It is made once, and filled again only when its requirements file has changed.

VENV := .venv
PY := $(VENV)/bin/python
UV := uv==0.13.9

# The first Python that runs and is new enough. 3.13 comes first: it is Lambda's default here (compiled files match).
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

.DEFAULT_GOAL := help
.PHONY: help demo chaos bench test test-engine docs golden screenshot lock clean

help:
	@echo 'make demo   try it here: local AWS, an array job, what each channel got (ARGS="--fail 2,5 --size 12 --json")'
	@echo 'make chaos  the same while everything fails: lost, doubled, dead (ARGS="--jobs 200 --seed 7 --json")'
	@echo 'make bench  measure it here, 10 minutes at most (ARGS="--only cold-start --trial", then ARGS=--docs)'
	@echo 'make test   style, types and all tests (ARGS="-k slack" goes to pytest)'
	@echo 'make test-engine  of these, the tests with the real Pulumi engine'
	@echo 'make docs   write the config block of Pulumi.yaml and docs/configuration.md, from the models of the settings'
	@echo 'make golden what messages look like, written anew into tests/golden; then read git diff'
	@echo 'make screenshot  take the picture in the README again, with the Chromium on PATH'
	@echo 'make lock   pin the requirements again (UPGRADE=--upgrade for newer versions)'
	@echo 'make clean  remove what the others made: the environment, bundles, caches'

demo: $(VENV)/.made
	@$(call install,requirements-local.txt,requirements-dev.txt)
	@$(PY) -m demo $(ARGS)

chaos: $(VENV)/.made
	@$(call install,requirements-local.txt,requirements-dev.txt)
	@$(PY) -m demo.chaos $(ARGS)

# On a machine that does nothing else. The preview needs the Pulumi CLI, as the engine tests do.
bench: $(VENV)/.made
	@$(call install,requirements-dev.txt,)
	@$(PY) tests/engine/cli/build.py > /dev/null
	@$(PY) -m bench $(ARGS)

test: $(VENV)/.made
	@$(call install,requirements-dev.txt,)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	@$(PY) tests/engine/cli/build.py > /dev/null
	@$(PY) -m tests.browser.chromium
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

# The engine is on PATH, or Go builds it, once; where there is neither, these tests are skipped, but never with CI=true.
test-engine: $(VENV)/.made
	@$(call install,requirements-dev.txt,)
	@$(PY) tests/engine/cli/build.py > /dev/null
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/engine $(ARGS)

docs: $(VENV)/.made
	@$(call install,requirements-local.txt,requirements-dev.txt)
	@$(PY) -m tools.config_files

# With the fonts of this machine: emoji take Debian's fonts-noto-color-emoji.
screenshot: $(VENV)/.made
	@$(call install,requirements-dev.txt,)
	@mkdir -p .batchbell
	@$(PY) -m batchbell preview --out .batchbell/preview.html
	$(PY) -m tests.browser.screenshot .batchbell/preview.html docs/preview.png

golden: $(VENV)/.made
	@$(call install,requirements-dev.txt,)
	@$(PY) -m tests.golden

# Install $(1), unless it, or $(2) which holds all of it, is what was installed last.
# A lock names every distribution with its hashes, so pip has nothing to resolve; .pyc files come with first use.
define install
cmp -s $(1) $(VENV)/$(1) || { test -n "$(2)" && cmp -s $(2) $(VENV)/$(2); } || { \
	echo 'Installing $(1) into $(VENV) ...' >&2; \
	rm -f $(VENV)/requirements*.txt; \
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(PY) -m pip install --quiet --no-compile --no-deps --require-hashes -r $(1) \
	&& cp $(1) $(VENV)/$(1); }
endef

$(VENV)/.made:
	@test -n '$(PYTHON)' || \
		{ echo 'Python 3.11 or newer is needed: install it, or name it: make PYTHON=/path/to/python3' >&2; exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo '$(PYTHON) does not run or is older than Python 3.11' >&2; exit 1; }
	@'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo '$(PYTHON) has no venv: on Debian and Ubuntu, apt install python3-venv' >&2; exit 1; }
	@rm -rf $(VENV)
	@'$(PYTHON)' -m venv $(VENV)
	@touch $@

# dev first: it holds all the others, which are then pinned to the same versions.
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
