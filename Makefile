# Words of the house. Each does its own set-up; the second time is quick.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help venv demo demo-ui test test-services soak fuzz lint reference demo-bundle nih-mini lock clean

help: ## list these words
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

venv: $(READY) ## virtual environment in .venv with the locked requirements

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "iam-harvest needs Python 3.11 or newer as '$(PYTHON)'; name another: make PYTHON=python3.11" >&2; exit 1; }
	@echo "Installing the locked requirements into $(VENV) (several GB, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q -r requirements.lock
	@$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## phantom archive -> Prefect flow -> lake in demo/
	@$(BIN)/iam-harvest demo --out demo

demo-ui: $(READY) ## the same by a Prefect worker, with Prefect's pages to look at until Ctrl-C
	@$(BIN)/iam-harvest demo --out demo --ui

test: $(READY) lint ## lint, then all tests, real servers included
	$(BIN)/pytest -q -n 2

test-services: $(READY) ## only the tests that start real servers; the hospital of archives has 2,000 films (FILMS=n)
	HOSPITAL_FILMS=$(or $(FILMS),2000) $(BIN)/pytest -q -m services

soak: $(READY) ## broken films (20,000; COUNT=n; FOLDER=f keeps them), killed runs (200; KILLS=n), on disk and into a bucket, readers, killed workers
	$(BIN)/python benchmarks/reliability.py --count $(or $(COUNT),20000) $(if $(FOLDER),--folder $(FOLDER))
	$(BIN)/python benchmarks/chaos.py --kills $(or $(KILLS),200)
	$(BIN)/python benchmarks/chaos_bucket.py --kills $(or $(KILLS),200)
	$(BIN)/python benchmarks/workers.py
	$(BIN)/python benchmarks/schedule.py

fuzz: $(READY) ## coverage-guided fuzzing of the decoders; needs 'pip install atheris' (60 s; SECONDS=n for longer)
	$(BIN)/python benchmarks/fuzz.py --seconds $(or $(SECONDS),60)

lint: $(READY) ## ruff, mypy, import rules, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint sql

demo-bundle: $(READY) ## draw phantoms, train the shipped bundle anew, measure it
	$(BIN)/python benchmarks/demo_bundle.py

nih-mini: $(READY) ## train the shipped bundle for real films anew: make nih-mini DATA=FOLDER (images, labels.csv, boxes.csv)
	$(BIN)/python benchmarks/nih_mini.py --data "$(DATA)"

reference: $(READY) ## docs/reference.md from comments, settings and commands
	$(BIN)/python -m flows.reference > docs/reference.md

lock: ## resolve requirements.lock anew (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command "make lock" -o requirements.lock

clean: ## remove what was built, the demo lake and caches (not the virtual environment)
	rm -rf build dist demo *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
