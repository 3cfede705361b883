"""A configuration becomes a catalog, decisions in stages, and routing rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from router.catalog import Catalog, Limits, ModelRef, ReasoningStyle, SelectionPolicy, Strategy
from router.compilation import compile_catalog, compile_rules, compile_stages
from router.config import Config, load
from router.decisions import All, Any, Is, Not
from router.matches import PROPOSAL, Match, Matches
from router.mutation import HeaderChanges
from router.payload import SystemPrompt, SystemPromptMode

SEED = Path(__file__).parent.parent / "config" / "config.yaml"

TWO_MODELS = """
vllm_endpoints:
  - {name: a, address: 10.0.0.1, port: 8000}
  - {name: b, address: "::1", port: 8001, weight: 3}
model_config:
  qwen:
    reasoning_family: qwen3
    preferred_endpoints: [b]
    loras: [{name: code-lora}]
    pricing: {prompt_per_1m: 0.2, completion_per_1m: 0.6}
    max_model_len: 8192
    vision: false
    tools: true
  llama: {reasoning_family: nobody-knows}
default_model: code-lora
auto_model_name: router
categories:
  - name: law
    description: What the law says
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


Compile = Callable[[str], Config]


@pytest.fixture
def configured(tmp_path: Path) -> Compile:
    """Loads TWO_MODELS with more at its end."""

    def load_with(more: str) -> Config:
        path = tmp_path / "config.yaml"
        path.write_text(TWO_MODELS + more)
        return load(path, check_files=False).config

    return load_with


@pytest.fixture
def config(configured: Compile) -> Config:
    return configured("")


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


def test_a_category_becomes_a_decision_with_its_models_and_prompt(configured: Compile) -> None:
    law, history = compile_stages(configured(DOMAIN))[-1].decisions
    assert law.rule == Is("domain", "law")
    assert law.refs == (
        ModelRef("llama", use_reasoning=True, reasoning_effort="high", score=0.4),
        ModelRef("qwen", "code-lora", score=0.9),
    )
    assert law.system_prompt == SystemPrompt("Cite your sources.", SystemPromptMode.INSERT)
    assert history.system_prompt is None


def test_the_shipped_configuration_compiles_to_its_four_categories() -> None:
    config = load(SEED, check_files=False).config
    stage = compile_stages(config)[-1]
    names = [decision.name for decision in stage.decisions]
    assert names == ["technical", "medical", "legal", "general"]
    assert set(compile_catalog(config).adapters) == {"technical-lora", "medical-lora", "legal-lora"}


def test_a_model_knows_its_price_and_its_limits(configured: Compile) -> None:
    models = compile_catalog(configured("")).models
    assert models["qwen"].price == pytest.approx(0.8)
    assert models["qwen"].limits == Limits(8192, vision=False, tools=True)
    assert (models["llama"].price, models["llama"].limits) == (None, Limits())


DOMAIN = """
classifier: {category_model: {model_id: m}}
"""
METHODS = """
classifier:
  category_model: {model_id: m}
  mcp_category_model: {enabled: true, url: "http://127.0.0.1:1/mcp"}
keyword_rules:
  - {category: history, keywords: [Rome]}
  - {category: law, keywords: [statute]}
  - {category: law, keywords: [court]}
  - {name: unrelated, keywords: [x]}
embedding_rules:
  - {category: law, candidates: [Is this legal?]}
"""


def test_categories_are_looked_for_by_each_method_in_its_order(configured: Compile) -> None:
    stages = compile_stages(configured(METHODS))
    rules = [[(d.name, d.rule) for d in stage.decisions] for stage in stages]
    assert rules == [
        [("history", Is("keyword", "history")), ("law", Is("keyword", "law"))],
        [("law", Is("embedding", "law"))],
        [
            ("law", Is("mcp", "law")),
            ("history", Is("mcp", "history")),
            ("mcp", Is("mcp", PROPOSAL)),
        ],
        [("law", Is("description", "law"))],
        [("law", Is("domain", "law")), ("history", Is("domain", "history"))],
    ]


def test_the_order_of_the_methods_can_be_changed_and_methods_left_out(configured: Compile) -> None:
    stages = compile_stages(configured(METHODS + "classification_order: [domain, keyword]\n"))
    assert [stage.kinds for stage in stages] == [{"domain"}, {"keyword"}]


DECISIONS = (
    DOMAIN
    + """
signals:
  keywords: [{name: urgent, keywords: [asap]}]
strategy: confidence
model_selection: {strategy: cheapest, quality_floor: 0.5}
decisions:
  - name: urgent-law
    priority: 7
    rules:
      operator: AND
      conditions:
        - {type: keyword, name: urgent}
        - operator: NOT
          conditions: [{type: domain, name: history}]
        - operator: OR
          conditions: [{type: domain, name: law}, {type: domain, name: business}]
    modelRefs:
      - {model: qwen, lora_name: code-lora, weight: 3, use_reasoning: true}
      - {model: llama, weight: 1}
    model_selection: {strategy: weighted, sticky_key: conversation}
    plugins:
      - type: system_prompt
        configuration: {system_prompt: Be quick., mode: insert}
      - type: header_mutation
        configuration:
          add: [{name: X-Lane, value: fast}]
          update: [{name: x-tier, value: gold}]
          delete: [x-debug]
  - name: otherwise
    modelRefs: [{model: llama}]
    plugins:
      - type: system_prompt
        configuration: {enabled: false, system_prompt: Never shown.}
"""
)


def test_decisions_make_the_first_stage(configured: Compile) -> None:
    first = compile_stages(configured(DECISIONS))[0]
    urgent, otherwise = first.decisions
    assert urgent.rule == All(
        (
            Is("keyword", "urgent"),
            Not(Any((Is("domain", "history"),))),
            Any((Is("domain", "law"), Is("domain", "business"))),
        )
    )
    assert otherwise.rule == All(())
    assert urgent.priority == 7
    assert urgent.refs == (
        ModelRef("qwen", "code-lora", use_reasoning=True, weight=3),
        ModelRef("llama", weight=1),
    )


def test_plugins_become_a_prompt_and_header_changes(configured: Compile) -> None:
    urgent, otherwise = compile_stages(configured(DECISIONS))[0].decisions
    assert urgent.system_prompt == SystemPrompt("Be quick.", SystemPromptMode.INSERT)
    assert urgent.headers == HeaderChanges((("x-lane", "fast"), ("x-tier", "gold")), ("x-debug",))
    assert otherwise.system_prompt is None
    assert otherwise.headers == HeaderChanges()


def test_the_strategy_of_the_file_weighs_its_decisions(configured: Compile) -> None:
    stage = compile_stages(configured(DECISIONS))[0]
    found = Matches([Match("keyword", "urgent", 0.3), Match("domain", "law", 0.9)])
    verdict = stage.decide(found)
    assert verdict.decision is not None
    assert verdict.decision.name == "urgent-law"


def test_a_decision_chooses_its_model_its_own_way_or_the_files(configured: Compile) -> None:
    urgent, otherwise = compile_stages(configured(DECISIONS))[0].decisions
    assert urgent.selection == SelectionPolicy(Strategy.WEIGHTED, "conversation", 0.5)
    assert otherwise.selection == SelectionPolicy(Strategy.CHEAPEST, "user", 0.5)


def test_weights_ask_for_a_weighted_choice_where_no_strategy_is_named(configured: Compile) -> None:
    weighted, plain = compile_stages(
        configured(
            """
decisions:
  - {name: a, modelRefs: [{model: qwen, weight: 1}, {model: llama}]}
  - {name: b, modelRefs: [{model: qwen}, {model: llama}]}
"""
        )
    )[0].decisions
    assert weighted.selection.strategy is Strategy.WEIGHTED
    assert plain.selection.strategy is Strategy.BEST


ROUTING = """
routing_rules:
  - match: {model: "gpt-*"}
    route: {backend: b, model: code-lora, priority: 2}
  - match: {path: /v1/completions}
    route: {backend: a, priority: 1}
  - fallback:
      route: {backend: a, priority: 10}
"""


def test_a_routing_rule_is_a_decision_about_the_endpoint(configured: Compile) -> None:
    config = configured(ROUTING)
    catalog = compile_catalog(config)
    model, path, fallback = compile_rules(config, catalog).decisions
    assert model.rule == Is("request", "routing_rules[0]")
    assert model.refs == (ModelRef("qwen", "code-lora"),)
    assert (path.endpoint, path.refs) == (catalog.endpoints["a"], ())
    assert fallback.rule == All(())


@pytest.mark.parametrize(
    ("matched", "winner"), [((0,), 0), ((0, 1), 1), ((), 2)], ids=["one", "lowest", "fallback"]
)
def test_the_rule_with_the_lowest_number_wins(
    configured: Compile, matched: tuple[int, ...], winner: int
) -> None:
    config = configured(ROUTING)
    stage = compile_rules(config, compile_catalog(config))
    found = Matches(Match("request", f"routing_rules[{index}]") for index in matched)
    assert stage.decide(found).decision is stage.decisions[winner]
