# Targets: audit, examples, calibration, bench, bench-gpu, test, endurance, lint, types, ci. All of them create and use .venv; PYTHON names the interpreter to create it with.
SHELL := /bin/bash
PYTHON ?= python3
OUT ?= out
AUDITS ?= 2000
VENV := .venv
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
INSTALLED_BENCH := $(VENV)/.installed-bench
MLFLOW := $(VENV)/mlflow-server/.installed
PIP := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
OFFLINE := HF_HUB_OFFLINE=1 HF_DATASETS_OFFLINE=1

.DEFAULT_GOAL := help
.PHONY: help audit examples calibration bench bench-gpu test endurance lint types ci
.DELETE_ON_ERROR:

help:
	@echo "make audit   run the embedded audit and say where its report is"
	@echo "make examples  make the reports in examples/ again (DATA=../shared; hours, or seconds where $(OUT)/examples is there)"
	@echo "make calibration  measure the error rates of verdicts in docs/calibration.md (AUDITS=2000; an hour)"
	@echo "make bench   measure speed beside others' in docs/performance.md; some twenty minutes on two cores"
	@echo "             (BENCH='--only mining --turns 9' for a part, BENCH='--missing --patience 3' for what did not"
	@echo "             fit its time; interrupted, it goes on where it was)"
	@echo "make bench-gpu  the same for training XLM-R Large on one GPU; ten minutes"
	@echo "make test    run the tests (those that need a GPU left out)"
	@echo "make endurance  kill a matrix 200 times, fill its disk, decide on 20 million outcomes; many minutes"
	@echo "make lint    style, format and layers"
	@echo "make types   static types"
	@echo "make ci      test, lint and types"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is older than Python 3.11 ; name another: make PYTHON=python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo 'installing into $(VENV), once; this takes a minute or more'
	$(PIP) -e .
	@touch $@

$(INSTALLED_DEV): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo 'installing into $(VENV), once; this takes a minute or more'
	$(PIP) -e '.[dev]'
	@touch $@ $(INSTALLED)

# A server for the tests of its importer: apart, as its pins are not ours. Where it cannot be had, they are skipped.
$(MLFLOW): tests/mlflow-server.txt | $(INSTALLED_DEV)
	@rm -rf $(@D)
	@timeout 120 $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile \
	  --target $(@D) -r $< && touch $@ || { rm -rf $(@D); echo "MLflow's server could not be installed; its tests are skipped"; }

$(INSTALLED_BENCH): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo 'installing into $(VENV), once; this takes a minute or more'
	$(PIP) -e '.[bench]'
	@touch $@ $(INSTALLED)

# Exit codes of the audit: 3 says that something is undecided, which is news and no failure; 1 (a verdict against
# expectation), 2 (invalid input) and 4 (execution failed) are failures, and only then has make a reason to stop.
audit: $(INSTALLED)
	@code=0; $(OFFLINE) $(VENV)/bin/corroborate audit --out $(OUT) || code=$$?; \
	case $$code in 0|1|3) echo "corroborate audit: exit code $$code; report: $(OUT)/report.html" ;; esac; \
	case $$code in 0|3) ;; *) exit $$code ;; esac

# Stores stay below $(OUT)/examples, so that only what is missing is trained; the reports alone go to examples/, and so
# without links into the store.
DATA ?= ../shared
examples: $(INSTALLED)
	for example in 'miniature:controls xstilts' 'scratch-small:xstilts --protocol scratch --data $(DATA)'; do \
	  name=$${example%%:*}; code=0; \
	  $(OFFLINE) $(VENV)/bin/corroborate audit $${example#*:} --out $(OUT)/examples/$$name || code=$$?; \
	  case $$code in 0|3) ;; *) exit $$code ;; esac; \
	  mkdir -p examples/$$name; rm -rf examples/$$name/figures; \
	  sed 's/"folder": "[^"]*"/"folder": null/' $(OUT)/examples/$$name/report.json > $(OUT)/examples/$$name/alone.json; \
	  $(VENV)/bin/corroborate report --from $(OUT)/examples/$$name/alone.json --out examples/$$name || code=$$?; \
	  case $$code in 0|3) ;; *) exit $$code ;; esac; \
	done

# Each process computes with one thread: the two of them fill two cores. Interrupted, it goes on where it was.
calibration: $(INSTALLED)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(VENV)/bin/python -m benchmarks.calibration --audits $(AUDITS) \
	  --parts $(OUT)/calibration-parts.jsonl --out $(OUT)/calibration.json --markdown docs/calibration.md

# Both go on where they were interrupted. What was not measured is in the table with the reason.
bench: $(INSTALLED_BENCH)
	$(OFFLINE) $(VENV)/bin/python -m benchmarks.bench $(BENCH)

bench-gpu: $(INSTALLED_BENCH)
	$(OFFLINE) $(VENV)/bin/python -m benchmarks.bench_gpu $(BENCH)

test: $(INSTALLED_DEV) $(MLFLOW)
	$(VENV)/bin/python -m pytest -n 2 -m 'not gpu and not endurance'

endurance: $(INSTALLED_DEV)
	$(VENV)/bin/python -m pytest -m endurance

lint: $(INSTALLED_DEV)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports

types: $(INSTALLED_DEV)
	$(VENV)/bin/mypy

ci: test lint types
