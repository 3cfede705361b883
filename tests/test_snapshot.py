"""A configuration is compiled with what it needs, and shares what outlives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from router.catalog import Catalog
from router.compilation import compile_catalog
from router.config import Config, load
from router.encoder import Encoder
from router.errors import ModelFilesError
from router.holdings import Holdings
from router.request import Api, InferenceRequest, Prompt
from router.signals import McpClient
from router.snapshot import Snapshot, build_snapshot, compile_snapshot
from router.testing import FakeEncoder
from tests.encoder.tiny import Recipe, write_model

BASE = """
vllm_endpoints: [{name: a, address: 10.0.0.1, port: 8000}]
model_config: {llama: {}}
default_model: llama
"""
KEYWORDS = """
keyword_rules: [{category: law, keywords: [statute]}]
categories: [{name: law, model_scores: [{model: llama, score: 1.0}]}]
"""


@dataclass
class Stock:
    """Resources that note what was taken."""

    catalog: Catalog
    taken: list[str] = field(default_factory=list)

    def category_model(self) -> Encoder:
        self.taken.append("category_model")
        return FakeEncoder({}, labels=("law", "other"))

    def embedding_model(self) -> Encoder:
        raise AssertionError("nothing asks for vectors here")

    def mcp_server(self) -> McpClient:
        raise AssertionError("nothing asks for a server here")


def configured(directory: Path, more: str) -> Config:
    path = directory / "config.yaml"
    path.write_text(BASE + more)
    return load(path, check_files=False).config


async def built(config: Config) -> tuple[Snapshot, Stock]:
    stock = Stock(compile_catalog(config))
    return await build_snapshot(config, stock.catalog, stock, "v1"), stock


async def test_a_model_that_no_decision_needs_is_not_loaded(tmp_path: Path) -> None:
    model = "classifier: {category_model: {model_id: m}}\nclassification_order: [keyword]\n"
    snapshot, stock = await built(configured(tmp_path, KEYWORDS + model))
    assert list(snapshot.signals) == ["keyword"]
    assert stock.taken == []


async def test_only_stages_that_can_decide_are_kept(tmp_path: Path) -> None:
    snapshot, _ = await built(configured(tmp_path, KEYWORDS))
    assert [stage.kinds for stage in snapshot.stages] == [{"keyword"}]


async def test_a_catch_all_needs_no_signal(tmp_path: Path) -> None:
    catch_all = "decisions: [{name: all, modelRefs: [{model: llama}]}]\n"
    snapshot, _ = await built(configured(tmp_path, catch_all))
    assert (len(snapshot.stages), snapshot.signals) == (1, {})


async def test_routing_rules_know_what_they_ask_for(tmp_path: Path) -> None:
    rules = """
routing_rules:
  - {match: {model: "gpt-*"}, route: {backend: a, model: llama}}
  - {fallback: {route: {backend: a}}}
"""
    snapshot, _ = await built(configured(tmp_path, rules))
    assert snapshot.rules is not None

    def matched(model: str) -> list[str]:
        assert snapshot.rules is not None
        request = InferenceRequest(Api.CHAT_COMPLETIONS, model, Prompt())
        return [name for (_, name), _ in snapshot.rules.matches(request).items()]

    assert matched("gpt-4o") == ["routing_rules[0]"]
    assert matched("llama") == []


async def test_a_category_model_needs_a_head(tmp_path: Path) -> None:
    write_model(tmp_path / "encoder", Recipe(outputs=("sentence_embedding",)))
    model = "classifier: {category_model: {model_id: encoder}}\n"
    category = "categories: [{name: law, model_scores: [{model: llama, score: 1.0}]}]\n"
    (tmp_path / "config.yaml").write_text(BASE + model + category)
    holdings = Holdings()
    try:
        with pytest.raises(ModelFilesError, match="a category model needs a classifier head"):
            await compile_snapshot(load(tmp_path / "config.yaml"), holdings)
        assert not holdings.held
    finally:
        await holdings.close()
