# The two commands a newcomer has are `make run` and `make test`; the rest is for who changes the code.
# Everything is installed into .venv from requirements.lock, checked by hash.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Half of what the tests do is wait for servers they started, so there are more processes than cores.
PYTEST := $(BIN)/python -m pytest -n 6 --dist loadfile
# Tests of a platform that is started for them: what `make test` runs beyond the fast ones.
WHOLE_PLATFORM := tests/scenarios tests/contract tests/browser
# Other people's clients live apart: what they require of one another is not what the platform requires.
CLIENTS := $(VENV)/clients
CLIENTS_STAMP := $(CLIENTS)/.installed
AIDER := $(VENV)/aider
AIDER_STAMP := $(AIDER)/.installed
NODE_CLIENTS := tests/contract/node

# With it every process of the platform would compile our code anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check bench prove lock lock-clients format test-clients messages screenshots docs-answers

run: $(STAMP)
	@$(BIN)/python manage.py serve

test: $(STAMP)
	@echo "aio: all tests; on two quiet cores that takes about a quarter of an hour"
	@$(PYTEST) -m "not prove and not clients"

check: $(STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(PYTEST) -q -m "not slow and not prove and not clients" $(WHOLE_PLATFORM:%=--ignore=%)

bench: $(STAMP)
	@$(BIN)/python -m benchmarks

prove: $(STAMP)
	@$(BIN)/python -m pytest -m prove -s

test-clients: $(STAMP) $(CLIENTS_STAMP) $(AIDER_STAMP) $(NODE_CLIENTS)/node_modules
	@AIO_CLIENTS_PYTHON=$(abspath $(CLIENTS))/bin/python AIO_AIDER=$(abspath $(AIDER))/bin/aider $(BIN)/python -m pytest tests/contract

format: $(STAMP)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# What pages say, collected and compiled; needs gettext (Debian: gettext).
messages: $(STAMP)
	@$(BIN)/python manage.py make_messages

# docs/screenshots anew; needs Chromium.
screenshots: $(STAMP)
	@PYTHONPATH=tests $(BIN)/python -m tests.browser.screenshots

# The answers that the documentation shows, from a platform that is started for it.
docs-answers: $(STAMP)
	@PYTHONPATH=tests $(BIN)/python -m scenarios.record_answers

lock: $(STAMP)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group dev --generate-hashes \
		--no-annotate --no-header --output-file requirements.lock pyproject.toml

# All without the addresses that packages came from.
lock-clients: $(STAMP)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--no-header --output-file tests/contract/requirements-clients.txt tests/contract/requirements-clients.in
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--no-header --output-file tests/contract/requirements-aider.txt tests/contract/requirements-aider.in
	@cd $(NODE_CLIENTS) && npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

$(CLIENTS_STAMP): tests/contract/requirements-clients.txt
	@echo "aio: installing Python clients into $(CLIENTS)"
	@$(PYTHON) -m venv $(CLIENTS)
	@$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(AIDER_STAMP): tests/contract/requirements-aider.txt
	@echo "aio: installing aider into $(AIDER)"
	@$(PYTHON) -m venv $(AIDER)
	@$(AIDER)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(NODE_CLIENTS)/node_modules: $(NODE_CLIENTS)/package-lock.json
	@echo "aio: installing JavaScript clients into $@"
	@cd $(NODE_CLIENTS) && npm ci --no-audit --no-fund --silent
	@touch $@

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	@echo "aio: installing what the platform needs into $(VENV) (a minute or two, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)
