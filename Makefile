# make lab    opens the course          make test       checks everything
# make seeds  runs the notebooks, solved, at seeds 0 to 4 (make test: at one)
# make bench  measures speed            make notebooks  runs the notebooks and stores their outputs
# make benchmark  records the lessons' trainings and races again (can be stopped and started again)
# On Linux without a GPU, `make lab TORCH=cpu` installs the small CPU build of PyTorch.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
TORCH ?= default
INDEX := $(if $(filter cpu,$(TORCH)),--extra-index-url https://download.pytorch.org/whl/cpu)
RUN := .venv/bin/python -m
STAMP := .venv/installed
FIRST := notebooks/00_start_here.ipynb

.PHONY: lab test seeds bench benchmark notebooks

lab: $(STAMP)
	$(RUN) jupyterlab --ip=127.0.0.1 --allow-root --LabApp.default_url=/lab/tree/$(FIRST) $(LAB_OPTIONS)

test: $(STAMP)
	$(RUN) ruff check helpers tests
	$(RUN) pytest $(TEST_OPTIONS)

seeds: $(STAMP)
	$(RUN) pytest tests/test_notebooks.py --seeds 5 $(TEST_OPTIONS)

bench: $(STAMP)
	$(RUN) tests.bench
	$(RUN) tests.bench_storage

benchmark: $(STAMP)
	$(RUN) tests.record
	$(RUN) tests.record_races
	$(RUN) tests.record_liar
	$(RUN) tests.record_importances

notebooks: $(STAMP)
	$(RUN) tests.store_outputs $(NOTEBOOKS)

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(RUN) pip install --disable-pip-version-check $(INDEX) -c constraints.txt -e '.[test]'
	@touch $@
