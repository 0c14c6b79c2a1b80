# Everything here runs in .venv, which the first command makes. `make help` lists the commands.
# Another Python: make notebooks PYTHON=python3.12
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
PAGES := $(VENV)/pages

.PHONY: help notebooks test lab bench gpu browser site sitecheck wheel coursework mutate lint

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

notebooks: $(PAGES)  ## set up, execute all notebooks, write copies and HTML into build/notebooks
	@$(BIN)/python tools/run_notebooks.py

# The variable keeps the executed notebooks, with explorers that move, for `make site`.
test: $(INSTALLED)  ## set up, run the tests, then run the notebooks and compare their outputs
	$(BIN)/python -m pytest tests/ -n 2 --dist loadscope
	DIFFENC_LITE_EXPORT=1 $(BIN)/python -m pytest --nbval notebooks/ -n 2 --dist loadscope

lab: $(INSTALLED)  ## set up and open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=notebooks

bench: $(INSTALLED)  ## set up and measure speed and memory
	@$(BIN)/python tests/benchmarks/bench_speed.py

DEVICE ?= cuda
gpu: $(INSTALLED)  ## set up, and test and measure a CUDA or MPS device (DEVICE=mps)
	$(BIN)/python -m pytest tests/test_device.py --device $(DEVICE)
	@$(BIN)/python tests/benchmarks/bench_speed.py --device $(DEVICE)

# Notebooks with a slider (`make test` runs them all), two at a time, one core each, two in a summary.
browser: $(INSTALLED)  ## set up and move every slider in Chromium, which must be installed
	$(BIN)/python -m pip install -q -e ".[browser]"
	grep -rl --include='[0-9]*.ipynb' '"Explorer of' notebooks | sort | OMP_NUM_THREADS=1 xargs -n 2 -P 2 $(BIN)/python tools/check_browser.py

site: $(PAGES)  ## set up and make the site of the course, into build/site
	@$(BIN)/python tools/make_site.py

sitecheck: site  ## make the site and read it in Chromium, which must be installed
	$(BIN)/python -m pip install -q -e ".[browser]"
	$(BIN)/python tools/check_site.py

wheel: $(INSTALLED)  ## set up, build the wheel, and run the first lesson out of it
	@$(BIN)/python tools/check_wheel.py

coursework: $(INSTALLED)  ## set up and take exercises through nbgrader
	$(BIN)/python -m pip install -q -e ".[coursework]"
	$(BIN)/python -m pytest tests/test_nbgrader.py tests/test_site.py -n 2 --dist loadscope

# The file is broken in place, one slip after the other, so have nothing uncommitted. Hours for some.
FILE ?= encoder
mutate: $(INSTALLED)  ## set up and list the slips in a file of the paper that no test sees (FILE=chain)
	$(BIN)/python -m pip install -q cosmic-ray
	mkdir -p build && rm -f build/mutation.sqlite
	sed 's/FILE/$(FILE)/' tests/mutation.toml > build/mutation.toml
	$(BIN)/cosmic-ray init build/mutation.toml build/mutation.sqlite
	$(BIN)/cr-filter-operators build/mutation.sqlite build/mutation.toml
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/cosmic-ray exec build/mutation.toml build/mutation.sqlite
	$(BIN)/cr-report --surviving-only --show-diff build/mutation.sqlite

lint: $(INSTALLED)  ## set up, check style (notebooks too), types, imports, links and numbers in prose
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/md-dead-link-check
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff
	$(BIN)/python tools/numbers_in_prose.py

# Installed once, and again only when the list of dependencies has changed.
$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "error: Python 3.11 to 3.13 is needed; $(PYTHON) is: $$($(PYTHON) --version 2>&1)." \
	    "Name another: make $(firstword $(MAKECMDGOALS)) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -e ".[notebooks,test]"
	@touch $@

# What makes pages that need no network: MathJax for all, Sphinx for the site.
$(PAGES): $(INSTALLED)
	$(BIN)/python -m pip install -q -e ".[site]"
	@touch $@
