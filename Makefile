# make run    train LeNet-5 and make its atlas: the pages that show what it learned
# make test   everything CI checks
# make docs   the docs site in site/: open site/index.html, or python3 -m http.server -d site, which can search too
# All first set up .venv, once; later calls go straight to work.

PYTHON ?= python3
PIP = .venv/bin/python -m pip --disable-pip-version-check install --quiet --no-compile --constraint constraints.txt

.PHONY: run test docs clean

run: .venv/installed
	.venv/bin/convscope atlas lenet5

test: .venv/installed-dev
	scripts/check

docs: .venv/installed-dev
	NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python .venv/bin/pip
	@echo "installing into .venv (the first time some minutes)"
	$(PIP) --editable '.[web]'
	@touch $@

.venv/installed-dev: pyproject.toml constraints.txt | .venv/bin/python .venv/bin/pip
	@echo "installing into .venv (the first time some minutes)"
	$(PIP) --editable '.[dev]'
	@touch .venv/installed $@

.venv/bin/python .venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) must be Python 3.11 or later; name one with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	  || { echo "Python's venv module is not complete; on Debian: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv

clean:
	rm -rf .venv
