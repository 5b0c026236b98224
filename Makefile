# make lab opens the course, make test checks it. All others are for those who change it: tests/README.md.
# The first of them installs, with uv (INSTALLER=pip: without); on a machine without a GPU, the small CPU build of
# PyTorch (TORCH=default: PyPI's, TORCH=cpu: the small one or none).

# A Python that the course was tried with; where there is none, the next one.
PYTHON ?= $(shell for newest in 13 14; do for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$p -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, $$newest))" 2>/dev/null \
	&& echo $$p && exit; done; done)
INSTALLER ?= uv
TORCH ?= auto
JOBS ?= 2
RUN := .venv/bin/python -m
LAB := .venv/installed
ALL := .venv/installed-test
FIRST := notebooks/00_start_here.ipynb
HERE := --ServerApp.root_dir=. --ServerApp.preferred_dir=. --FileContentsManager.root_dir=. \
	--FileContentsManager.preferred_dir=  # wherever the reader's own Jupyter starts
GUARD := --ServerApp.jpserver_extensions="{'helpers.fleet.dashboard': True}"

# A container may know no home folder; Jupyter cannot do without.
export HOME ?= $(CURDIR)/.venv/home

.PHONY: lab test slow seeds portable course benchmark notebooks guide site newest

lab: $(LAB)
	$(RUN) jupyterlab --ip=127.0.0.1 --allow-root $(HERE) $(GUARD) --LabApp.default_url=/lab/tree/$(FIRST) $(LAB_OPTIONS)

test: $(ALL)
	$(RUN) ruff check helpers tests images
	$(RUN) ruff format --check helpers tests images
	$(RUN) mypy
	$(RUN) pytest -m "not slow" -n $(JOBS) --dist loadfile $(TEST_OPTIONS)

slow: $(ALL)
	$(RUN) pytest -m slow $(TEST_OPTIONS)

seeds: $(ALL)
	$(RUN) tests.tools.seeds $(SEEDS) --jobs $(JOBS) --notebooks $(NOTEBOOKS) $(SEEDS_OPTIONS)

ARITHMETICS ?= $$($(RUN) tests.harness.arithmetic)
portable: $(ALL)
	@failed=; for arithmetic in $(ARITHMETICS); do echo "== $$arithmetic"; \
	$(RUN) pytest notebooks --arithmetic $$arithmetic -q -n $(JOBS) --dist loadfile || failed="$$failed $$arithmetic"; \
	done; test -z "$$failed" || { echo "Not the same in:$$failed"; exit 1; }

course: $(ALL)
	$(RUN) tests.stress.whole_course $(if $(PYTHONS),--python $(PYTHONS)) $(COURSE_OPTIONS)

benchmark: $(ALL)
	$(RUN) helpers.problems.recorded.record_tables
	$(RUN) helpers.races.recorded.record_races
	$(RUN) helpers.races.recorded.record_liar
	$(RUN) helpers.races.recorded.record_workers
	$(RUN) helpers.races.recorded.record_fashion_races
	$(RUN) helpers.races.recorded.record_importances

notebooks: $(ALL)
	$(RUN) tests.tools.store_outputs $(NOTEBOOKS)

guide: $(ALL)
	$(RUN) tests.tools.record_guide --jobs $(JOBS) $(NOTEBOOKS)
	$(RUN) tests.tools.guide

site: $(ALL)
	$(RUN) tests.tools.site $(SITE_OPTIONS)

newest: $(ALL)
	$(RUN) tests.tools.newest $(TEST_OPTIONS)

$(LAB) $(ALL): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.14 is needed: install it, or name it with make PYTHON=..."; exit 1; }
	$(PYTHON) tests/tools/install.py '.$(if $(filter $@,$(ALL)),[test])' --installer $(INSTALLER) --torch $(TORCH)
	@touch $(LAB) $@
