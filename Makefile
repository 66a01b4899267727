# make demo: the whole way on phantoms, in minutes.  make test: ruff, mypy, pytest.  Both set up .venv by themselves.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test bench clean

demo: .venv/ready
	$(BIN)/docphim demo

# A file of tests stays in one worker, so that what its tests share is made once; files of few tests are often the longest ones,
# and would all come last if those of many went first.
test: export PYTHONDONTWRITEBYTECODE = # else each of the hundreds of processes that tests start compiles Docphim anew
test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder

bench: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/all.py

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Docphim needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.lock
	$(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null || true # on all cores, which pip does on one; some files are for other Pythons
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

clean:
	rm -rf .venv build dist *.egg-info
