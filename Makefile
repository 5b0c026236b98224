# make lab    opens the course          make test       checks everything that is quick to check
# make slow   checks what takes longer: solved notebooks, faults, hosts, speed, more of the browser
# make seeds  runs the notebooks, solved, at three new seeds and says how safely each claim holds (SEEDS="5 77": at these)
# make course  runs every notebook in every way: twice, in sequence, offline, as on Binder (PYTHONS: other Pythons)
# make bench  measures speed            make notebooks  runs the notebooks and stores their outputs
# make benchmark  records the lessons' trainings and races again (can be stopped and started again)
# make images  draws the pictures of images/ again
# make guide  records what the notebooks claim and take, for the instructor's guide (can be stopped and started again)
# On Linux without a GPU, `make lab TORCH=cpu` installs the small CPU build of PyTorch.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
TORCH ?= default
JOBS ?= 2
INDEX := $(if $(filter cpu,$(TORCH)),--extra-index-url https://download.pytorch.org/whl/cpu)
RUN := .venv/bin/python -m
STAMP := .venv/installed
FIRST := notebooks/00_start_here.ipynb

.PHONY: lab test slow seeds course bench benchmark notebooks images guide

lab: $(STAMP)
	$(RUN) jupyterlab --ip=127.0.0.1 --allow-root --LabApp.default_url=/lab/tree/$(FIRST) $(LAB_OPTIONS)

test: $(STAMP)
	$(RUN) ruff check helpers tests
	$(RUN) ruff format --check helpers tests
	$(RUN) mypy
	$(RUN) pytest -m "not slow" -n $(JOBS) --dist loadfile $(TEST_OPTIONS)

slow: $(STAMP)
	$(RUN) pytest -m slow $(TEST_OPTIONS)

seeds: $(STAMP)
	$(RUN) tests.seeds $(SEEDS) --jobs $(JOBS) --notebooks $(NOTEBOOKS) $(SEEDS_OPTIONS)

course: $(STAMP)
	$(RUN) tests.whole_course $(if $(PYTHONS),--python $(PYTHONS)) $(COURSE_OPTIONS)

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

images: $(STAMP)
	$(RUN) tests.images
	$(RUN) tests.moving_picture

guide: $(STAMP)
	$(RUN) tests.record_guide --jobs $(JOBS) $(NOTEBOOKS)
	$(RUN) tests.guide

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(RUN) pip install --disable-pip-version-check $(INDEX) -c constraints.txt -e '.[test]'
	@touch $@
