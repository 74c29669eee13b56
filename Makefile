# The two commands a newcomer has are `make run` and `make test`; the rest is for who changes the code.
# Everything is installed into .venv from requirements.lock, checked by hash.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test check bench prove lock format test-clients

run: $(STAMP)
	@$(BIN)/python manage.py serve

test: $(STAMP)
	@$(BIN)/python -m pytest -m "not prove and not clients and not browser"

check: $(STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q -m "not slow and not prove and not clients and not browser"

bench: $(STAMP)
	@$(BIN)/python -m benchmarks

prove: $(STAMP)
	@$(BIN)/python -m pytest -m prove -s

format: $(STAMP)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(STAMP)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group dev --generate-hashes \
		--no-annotate --no-header --output-file requirements.lock pyproject.toml

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	@echo "aio: installing what the platform needs into $(VENV) (a minute or two, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)
