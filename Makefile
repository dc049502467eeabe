.PHONY: demo test lint ci
demo:
	@scripts/demo
test:
	@scripts/test
lint:
	@scripts/setup dev
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/lint-imports
ci:
	@.ci/run
