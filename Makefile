# Every target sets up what it needs, in .venv inside this folder.
BIN := .venv/bin

.PHONY: help setup demo test lint format bench bench-sync lock clean

help:
	@echo "make demo    process a sample call end to end on an embedded AWS, into demo-output/"
	@echo "make test    run the tests"
	@echo "make lint    ruff, mypy --strict, import-linter"
	@echo "make bench   time and memory against the predecessor's steps (needs ffmpeg)"
	@echo "make bench-sync  how well sync is measured, on hundreds of simulated calls (needs Debian's asterisk voices)"
	@echo "make format  let ruff lay out the code"
	@echo "make lock    remake requirements.lock from pyproject.toml"
	@echo "make clean   remove what the other targets made"

setup: .venv/.ready

.venv/.ready: pyproject.toml requirements.lock .ci/setup.sh
	.ci/setup.sh

demo: setup
	$(BIN)/komorebi-qc demo

test: setup
	$(BIN)/pytest --cov --cov-report=term

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	$(BIN)/python tests/bench/process.py

bench-sync: setup
	$(BIN)/python tests/bench/sync/bench.py

lock: setup
	.ci/lock.sh

clean:
	rm -rf .venv demo-output bench-output .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
