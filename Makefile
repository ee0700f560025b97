# `make serve` and `make test` do all the set-up themselves, in .venv beside this file. Nothing else on the machine
# is changed. Python: any of 3.11 and later; choose one with `make serve PYTHON=/path/to/python`.
# Arguments for `penstock serve` go in ARGS: `make serve ARGS="--port 9000"`.

.DEFAULT_GOAL := help
.PHONY: help serve test test-clients bench check check-python console console-types docs clean lock
.NOTPARALLEL:
.SUFFIXES:

PYTHON ?=
ARGS ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=

BIN := .venv/bin
CONSOLE := $(BIN)/python console/build.py
NEW_ENOUGH := import sys; sys.version_info >= (3, 11) or sys.exit(1); import venv
# --only-binary: a set-up that would need a compiler stops and says so; a source package runs code while it installs.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
LOCKED := $(INSTALL) --only-binary :all: --require-hashes -r
# Two processes, each with servers of its own: most tests wait for one. In order: tests/conftest.py has a reason for it.
IN_TWOS := -n 2 --dist loadfile --no-loadscope-reorder
# The light clients are tried by `make test`, too.
CLIENTS := tests/clients tests/wire/test_langchain.py tests/wire/test_litellm.py
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade --quiet \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

serve: .venv/.serve .venv/.package ## Set up what is missing, then start the server (ARGS="--port 9000 ...")
	@$(CONSOLE) build || echo 'The API works without it. Once that is mended: make console' >&2
	@exec $(BIN)/penstock serve $(ARGS)

# The console is built and checked beside the set-up of Python and its checks; what it says is shown where it fails.
test: .venv/.made ## Set up what is missing, then run every check and every test (PYTEST_ARGS="-k chat ...")
	@mkdir -p .cache; { $(CONSOLE) build && $(CONSOLE) check; } >.cache/console.log 2>&1 & console=$$!; \
	$(MAKE) --no-print-directory check-python; python=$$?; \
	wait $$console || { cat .cache/console.log >&2; exit 1; }; \
	exit $$python
	$(BIN)/python -m pytest $(IN_TWOS) $(PYTEST_ARGS)

test-clients: .venv/.dev .venv/.package ## Set up other people's clients, try each, and keep the table in docs/clients.md
	$(BIN)/python -m pytest $(IN_TWOS) $(CLIENTS) --clients-table docs/clients.md $(PYTEST_ARGS)

bench: .venv/.dev .venv/.package ## Compare Penstock with other gateways; see bench/README.md (BENCH_ARGS="--quick ...")
	@$(BIN)/python bench/side_by_side.py $(BENCH_ARGS)

console: .venv/.made ## Build the pages of the console, where that is not done (with Node.js, or it gets one)
	@$(CONSOLE) build

console-types: .venv/.dev .venv/.package ## Take the console's types anew from the document of the API
	@$(CONSOLE) types

check: check-python ## Lint, format, types and import contracts, changing nothing; the console's, too
	$(CONSOLE) check

check-python: .venv/.dev .venv/.package
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/.dev ## Build the site of the guides into build/site; open build/site/index.html
	@$(BIN)/zensical build --clean --strict

clean: ## Remove .venv, caches and build results; models, keys and other data are kept
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .cache build dist \
		console/node_modules src/penstock/console/static
	find src tests bench -type d -name __pycache__ -prune -exec rm -rf {} +

lock: ## Compile the locks in requirements/ anew from pyproject.toml, with the newest releases it allows (needs uv and npm)
	@command -v uv >/dev/null || { echo 'uv is missing. Install it with: pip install uv' >&2; exit 1; }
	$(COMPILE) pyproject.toml --group build --output-file requirements/serve.txt
	$(COMPILE) pyproject.toml --group dev --constraint requirements/serve.txt --output-file requirements/dev.txt
	for list in requirements/node.in requirements/clients/*.in requirements/gateways/*.in; do \
		$(COMPILE) "$$list" --output-file "$${list%.in}.txt" || exit 1; \
	done
	for list in console/package.json requirements/clients/*/package.json requirements/gateways/*/package.json; do \
		rm -f "$$(dirname "$$list")/package-lock.json"; \
		npm install --prefix "$$(dirname "$$list")" --package-lock-only --omit-lockfile-registry-resolved \
			--ignore-scripts --no-audit --no-fund || exit 1; \
	done

# One stamp for each thing installed, so that `serve` and `test` share .venv in either order.
.venv/.serve: requirements/serve.txt .venv/.made
	@echo 'Installing the locked requirements of the server into .venv ...' >&2
	@$(LOCKED) requirements/serve.txt
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.made
	@echo 'Installing the locked requirements of the tests into .venv ...' >&2
	@$(LOCKED) requirements/dev.txt
	@touch $@

# Whichever requirements came before hold hatchling, with its hash: building the package downloads nothing.
.venv/.package: pyproject.toml .venv/.made
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

# A .venv that was made by hand is used as it is.
.venv/.made:
	@if .venv/bin/python -c '$(NEW_ENOUGH), pip' 2>/dev/null; then touch $@; exit; fi; \
	for python in $(if $(PYTHON),"$(PYTHON)",python3 python3.14 python3.13 python3.12 python3.11); do \
		"$$python" -c '$(NEW_ENOUGH)' 2>/dev/null || continue; \
		if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
			echo "$$python cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
			exit 1; \
		fi; \
		"$$python" -m venv --clear .venv && touch $@; \
		exit; \
	done; \
	echo 'Penstock needs Python 3.11 or later; none was found as $(or $(PYTHON),python3 or python3.11 to python3.14).' >&2; \
	echo 'Install one (on Debian: apt-get install python3-venv) or name it: make serve PYTHON=/path/to/python' >&2; \
	exit 1
