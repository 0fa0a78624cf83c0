# Everything a developer runs. `make help` lists it; `.ci/run` calls `make test`.
#
# CARGO_TARGET_DIR is respected, so that several trees can share one build cache.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
TAMIS_VENV ?= $(HOME)/.cache/tamis-venv
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Seconds for each fuzz target.
FUZZ_SECONDS ?= 30
# What `make bench` passes on: for example BENCH="--only w2 --peers lance,doltlite".
BENCH ?=
# The folder or archive that `make demo` walks through; empty: it draws a small dataset itself.
DATA ?=

export TAMIS_VENV

.PHONY: help test check fmt lint guards venv demo bench bench-quick fuzz docs ui ui-check ui-demo ui-e2e

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

test: venv check ui-check ## check everything and run all tests (what CI runs)
	$(CARGO) test --workspace --locked
	$(MAKE) --no-print-directory ui-e2e

check: ## format, guards and lints, without tests
	$(CARGO) fmt --all --check
	$(MAKE) --no-print-directory guards lint

guards: ## layers, owners of foreign crates, module cycles, sizes, names, documents, paths
	$(CARGO) xtask

lint: ## clippy on all code, warnings are errors
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

fmt: ## format all Rust code
	$(CARGO) fmt --all

ui: ## build the web UI into ui/dist (skips politely without Node)
	@scripts/ui.sh build

ui-demo: ui ## look at the demo dataset in a browser; DATA=folder for your own
	$(CARGO) build --release --locked --package tamis-cli
	@scripts/ui.sh demo "$(abspath $(TARGET))/release/tamis" $(if $(DATA),"$(abspath $(DATA))")

ui-e2e: ui ## drive the web UI in Chromium on a scratch lake (skips politely without it)
	$(CARGO) build --locked --package tamis-cli
	@scripts/ui.sh e2e "$(abspath $(TARGET))/debug/tamis"

ui-check: ## types, lint and unit tests of the web UI
	@scripts/ui.sh check

venv: ## make the Python environment of the tests (skips politely without a registry)
	@scripts/venv.sh

demo: ## build the program and walk through the main job; DATA=folder for your own data
	$(CARGO) build --release --locked --package tamis-cli
	TAMIS="$(abspath $(TARGET))/release/tamis" scripts/demo.sh $(if $(DATA),"$(DATA)")

bench: ## run Tamis beside its peers and write bench/README.md (an hour); see bench/run.py --help
	python3 bench/run.py $(BENCH)

bench-quick: ## the same on small sizes, to see that every peer works; writes no results
	python3 bench/run.py --quick $(BENCH)

fuzz: ## run every fuzz target for FUZZ_SECONDS; needs a nightly toolchain
	@scripts/fuzz.sh $(FUZZ_SECONDS)

docs: ## write the lists in the documents anew, and build the API documentation
	$(CARGO) xtask docs --write
	$(CARGO) doc --workspace --no-deps --locked
