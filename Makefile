PYTHON ?= .venv/bin/python

help:  ## Show these targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: .venv/ready  ## Make .venv with everything needed to develop

.venv/ready: pyproject.toml
	python3 -m venv .venv
	.venv/bin/pip install -q ".[test]"
	touch $@

test: install  ## Run all tests
	$(PYTHON) -m pytest

check: install  ## ruff and mypy --strict
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

report: install  ## Render the committed results into reports/rendered and the README
	$(PYTHON) -m benchmark report paper checks benchmark
	$(PYTHON) -m reports.readme

speed: install  ## Measure ratios to plain loops and to the floor; a quarter of an hour
	$(PYTHON) -m tests.speed

quick: install  ## A few minutes: Table 1's Synthetic block, and digits
	$(PYTHON) -m benchmark run table1 digits --profile quick

.PHONY: help install test check report speed quick
