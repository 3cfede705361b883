# lora-router: every target works from a clean checkout; the first one to need it makes .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TRAINABLE := $(VENV)/.trainable
DOMAIN_DATA ?= ../shared/data/domain

.PHONY: help install demo test e2e check format bench protos envoy docs model evaluate clean

help:  ## what there is to make
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## /\1\t/' | expand -t 12

install: $(INSTALLED)  ## .venv with everything for use and development

$(INSTALLED): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

demo: $(INSTALLED)  ## Envoy, router and two backends; the demo's queries in a table (SERVE=1: keep running)
	$(BIN)/python -m router.demo $(if $(SERVE),--serve)

test: $(INSTALLED)  ## every test, those on real Envoy included
	$(BIN)/python -m pytest

e2e: $(INSTALLED)  ## only the tests on real Envoy
	$(BIN)/python -m pytest -m e2e

check: $(INSTALLED)  ## format, lint, types, import layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)  ## put the code into its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(INSTALLED)  ## measure, as ratios to a do-nothing processor in the same run
	$(BIN)/python -m router.bench

protos:  ## compile the ext_proc wire format, with the oldest compiler that every runtime accepts
	$(PYTHON) -m venv build/protoc
	build/protoc/bin/python -m pip install --quiet grpcio-tools==1.71.2
	build/protoc/bin/python -m grpc_tools.protoc -Irouter/extproc=protos --python_out=. --pyi_out=. router/extproc/ext_proc.proto

envoy: $(INSTALLED)  ## write envoy/ from config/config.yaml
	$(BIN)/lora-router envoy -c config/config.yaml -o envoy

docs: $(INSTALLED)  ## write the configuration reference from the schema
	$(BIN)/python -m router.config.reference > docs/configuration.md

model: $(TRAINABLE)  ## train and export the shipped classifier (about two hours on two cores)
	$(BIN)/python -m models.training --data $(DOMAIN_DATA) --out models/mom-domain-classifier

evaluate: $(TRAINABLE)  ## every figure of the model card, measured again
	$(BIN)/python -m models.evaluation --data $(DOMAIN_DATA)/..

$(TRAINABLE): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,train]'
	touch $@

clean:  ## remove what was built
	rm -rf $(VENV) build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
