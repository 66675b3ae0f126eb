# Two commands do everything on a fresh machine: `make report` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
SPARK  := $(VENV)/.spark-ready

.DEFAULT_GOAL := help
.PHONY: help env spark report test slow lint format lab bench lock clean

help: ## show these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing locked dependencies into $(VENV) (once; a few minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(SPARK): $(READY) requirements-spark.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-spark.lock
	@touch $@

env: $(READY) ## create .venv from the hashed lock

spark: $(SPARK) ## add PySpark (needs Java) so that the Spark tests run

report: $(READY) ## does CES predict churn better than NPS? who is unhappy, and why? on the built-in study
	$(BIN)/cxresearch run ces-vs-nps
	$(BIN)/cxresearch run unhappy

test: $(READY) ## lint, types and every test that is not slow
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist worksteal

slow: $(READY) ## simulations and long fault runs (figures go to docs/validation.md)
	$(BIN)/python -m pytest -m slow --timeout 3600

lint: $(READY) ## style and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## apply the formatter
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lab: $(READY) ## open JupyterLab on notebooks/
	$(BIN)/jupyter lab notebooks/explore/start.ipynb

bench: $(READY) ## speed beside peers, as ratios from the same run
	$(BIN)/python -m benchmarks

lock: ## renew the lock files (needs uv in the venv)
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --group dev --extra lab --extra polars pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --group dev --group spark --extra lab --extra polars --extra spark pyproject.toml -o requirements-spark.lock

clean: ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build dist
