# make up      the dashboard, in the foreground      PORT= BIND= LAB_HOME= DATABASE_URL= REDIS_URL=
# make test    every test                            TESTS="tests/logs -k search"
# make check   format, lint, types, layers, templates, scripts
# make bench   the figures of docs/bench.md
# make pictures  docs/images, by a browser
# make lock    requirements/*.in → *.txt             UPGRADE=1 takes the newest versions
# make kit-cache  downloads of a preset, ahead       PRESET=calico LAB_MIRROR= LAB_CACHE_DIR=
# make clean   what can be made again; never var/

PYTHON ?= python3
VENV ?= .venv
TESTS ?= tests
BIN = $(VENV)/bin
export VENV
export DJANGO_SETTINGS_MODULE = webapp.settings

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)

.PHONY: pictures up test test-python test-rooms test-machines test-js check check-python check-templates check-scripts check-js bench kit-cache lock clean venv

up:
	@$(PYTHON) prepare.py run
	@exec $(BIN)/python manage.py up

venv:
	@$(PYTHON) prepare.py dev

test: test-python test-js

# Two lanes side by side: most tests wait rather than compute. Those with virtual machines or a browser are
# one lane, so that only one of them boots at a time, in a process each, because Playwright keeps an event
# loop in the thread it runs in. What failed gets one more chance, alone; a test that needs it has a race
# to be taken out.
MACHINE_TESTS = tests/contracts tests/real tests/flow tests/browser
SLOWEST = $(if $(CI),--durations=15 --durations-min=5)
RUN_TESTS = sh -c 'cache=.pytest_cache/$$1; shift; \
	$(BIN)/python -m pytest -o cache_dir=$$cache $(SLOWEST) "$$@" || { echo "== once more, what failed:"; \
	$(BIN)/python -m pytest -o cache_dir=$$cache --last-failed --last-failed-no-failures none "$$@"; }' pytest

test-python: venv
ifeq ($(TESTS),tests)
	@$(MAKE) --no-print-directory --jobs=2 --keep-going test-rooms test-machines
else
	@$(RUN_TESTS) some $(TESTS)
endif

test-rooms:
	@$(RUN_TESTS) rooms tests $(addprefix --ignore=,$(MACHINE_TESTS))

test-machines:
	@mkdir -p .pytest_cache; echo "Virtual machines and browsers are told of at the end: .pytest_cache/machines.log"
	@for part in $(MACHINE_TESTS); do $(RUN_TESTS) machines $$part || failed=1; done \
		>.pytest_cache/machines.log 2>&1; cat .pytest_cache/machines.log; [ -z "$$failed" ]

test-js: venv
	@$(BIN)/python -m tests.requirements node -- node --test tests/js/

check: check-python check-templates check-scripts check-js

check-python: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

check-templates: venv
	git ls-files -z 'templates/*.html' | xargs -0 $(BIN)/djade --check --target-version 5.2

check-scripts: venv
	git ls-files -z '*.sh' .ci/run | xargs -0 $(BIN)/shellcheck
	git ls-files -z '*.yaml' '*.yml' | xargs -0 $(BIN)/yamllint --strict
	$(BIN)/hadolint Dockerfile

check-js: venv
	@$(BIN)/python -m tests.requirements tsc -- node_modules/.bin/tsc --project tsconfig.json

pictures: venv
	@LAB_PICTURES=docs/images $(BIN)/python -m pytest -q -k picture tests/flow/test_pictures.py

bench: venv
	$(BIN)/python -m bench.plan
	$(BIN)/python -m bench.cluster
	$(BIN)/python -m bench.rules
	$(BIN)/python -m bench.builds
	$(BIN)/python -m bench
	$(BIN)/python -m bench.shells
	$(BIN)/python -m bench.real

kit-cache: venv
	@$(BIN)/python manage.py kit_cache $(or $(PRESET),calico)

lock: venv
	$(LOCK) requirements/run.in --output-file requirements/run.txt
	$(LOCK) requirements/dev.in --output-file requirements/dev.txt
	$(LOCK) --no-deps requirements/assets.in --output-file requirements/assets.txt

clean:
	rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis test-results
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +
