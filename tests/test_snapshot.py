"""A configuration becomes catalog and decisions."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.catalog import Catalog, ModelRef, ReasoningStyle
from router.config import Config, load
from router.payload import SystemPrompt, SystemPromptMode
from router.snapshot import compile_catalog, compile_decisions

SEED = Path(__file__).parent.parent / "config" / "config.yaml"

TWO_MODELS = """
vllm_endpoints:
  - {name: a, address: 10.0.0.1, port: 8000}
  - {name: b, address: "::1", port: 8001, weight: 3}
model_config:
  qwen: {reasoning_family: qwen3, preferred_endpoints: [b], loras: [{name: code-lora}]}
  llama: {reasoning_family: nobody-knows}
default_model: code-lora
auto_model_name: router
categories:
  - name: law
    system_prompt: Cite your sources.
    system_prompt_mode: insert
    model_scores:
      - {model: llama, score: 0.4, use_reasoning: true, reasoning_effort: high}
      - {model: qwen, lora_name: code-lora, score: 0.9}
  - name: history
    system_prompt: Never shown.
    system_prompt_enabled: false
    model_scores: [{model: llama, score: 1.0}]
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "config.yaml"
    path.write_text(TWO_MODELS)
    return load(path, check_files=False).config


@pytest.fixture
def compiled(config: Config) -> Catalog:
    return compile_catalog(config)


def test_a_model_is_on_its_preferred_endpoints_and_on_all_where_it_prefers_none(
    compiled: Catalog,
) -> None:
    names = {
        model.name: [endpoint.name for endpoint in model.endpoints]
        for model in compiled.models.values()
    }
    assert names == {"qwen": ["b"], "llama": ["a", "b"]}
    assert compiled.endpoints["b"].authority == "[::1]:8001"
    assert compiled.endpoints["b"].weight == 3


def test_an_adapter_can_be_the_default(compiled: Catalog) -> None:
    assert compiled.default == ModelRef("qwen", "code-lora")


def test_auto_is_an_auto_name_beside_the_configured_one(compiled: Catalog) -> None:
    assert compiled.auto_names == ("router", "auto")


def test_a_built_in_family_is_known_and_an_unknown_one_says_nothing(compiled: Catalog) -> None:
    family = compiled.models["qwen"].reasoning_family
    assert family is not None
    assert (family.style, family.parameter) == (
        ReasoningStyle.CHAT_TEMPLATE_KWARGS,
        "enable_thinking",
    )
    assert compiled.models["llama"].reasoning_family is None


def test_a_category_becomes_a_decision_with_its_models_and_prompt(config: Config) -> None:
    law, history = compile_decisions(config)
    assert law.refs == (
        ModelRef("llama", use_reasoning=True, reasoning_effort="high", score=0.4),
        ModelRef("qwen", "code-lora", score=0.9),
    )
    assert law.system_prompt == SystemPrompt("Cite your sources.", SystemPromptMode.INSERT)
    assert history.system_prompt is None


def test_the_shipped_configuration_compiles_to_its_four_categories() -> None:
    config = load(SEED, check_files=False).config
    decisions = compile_decisions(config)
    assert [decision.name for decision in decisions] == ["technical", "medical", "legal", "general"]
    assert set(compile_catalog(config).adapters) == {"technical-lora", "medical-lora", "legal-lora"}
