PYTHON ?= python3
PORT ?= 8000
export PORT BULQ_LOCAL

.PHONY: run test lint audit format install lock picture bench soak texts

# The site with demo data on http://127.0.0.1:8000/ ; also: make run PORT=8042 BULQ_LOCAL=some/folder
run:
	@exec $(PYTHON) dev/bootstrap.py run

# Linters and every test; also: make test ARGS="-k invite"
test:
	@exec $(PYTHON) dev/bootstrap.py test $(ARGS)

lint: install
	@.venv/bin/python -m dev.test --lint-only

# Known vulnerabilities of the packages in the locks; also: make audit ARGS="--osv-url https://api.osv.dev/v1/query"
# What does not concern us is named in EXCEPTED, with the reason in a line above: --ignore-vuln CVE-2026-1234
EXCEPTED =
LOCK ?= requirements-dev.txt
audit: install
	@.venv/bin/python -m pip_audit --require-hashes --disable-pip --progress-spinner off --desc off --aliases on \
		--requirement $(LOCK) $(EXCEPTED) $(ARGS)

format: install
	@.venv/bin/python -m ruff check --fix --quiet . || true
	@.venv/bin/python -m ruff format --quiet .

install:
	@$(PYTHON) dev/bootstrap.py install

# The locks from the short lists beside them: what the product needs, what `make run` adds, what tests and linters add
lock: install
	@for name in requirements requirements-run requirements-dev; do \
		.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			$$name.in -o $$name.txt || exit 1; \
	done

# Texts in all languages: extracted anew, Serbian written in Cyrillic, compiled; see docs/translating.md
texts: install
	@.venv/bin/python -m dev.texts

# How fast pages are, as ratios to an empty page; see benchmarks/README.md
bench: install
	@.venv/bin/python -m benchmarks

# 100,000 random changes of the catalogue in four processes: nobody ever reads a stale list (half an hour)
soak: install
	@.venv/bin/python -m stores.tests.soak

# The pictures of the README: the run page of the demo, on a desk and on a phone
picture: install
	@.venv/bin/python -m dev.picture
