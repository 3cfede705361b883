"""From configuration to what routing works with: the catalog, decisions in stages, routing rules.

Pure: loads nothing. The two forms of a configuration end up as the same decisions. Those that are
written as decisions make the first stage; categories follow, one stage for each method that finds
one, in the configured order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from router.catalog import (
    Adapter,
    Balancing,
    Catalog,
    Endpoint,
    Limits,
    Model,
    ModelRef,
    ReasoningFamily,
    ReasoningStyle,
    SelectionPolicy,
    Strategy,
)
from router.config import Category, Config
from router.config.decisions import (
    Condition,
    DecisionSettings,
    ModelChoice,
    ModelRefSettings,
    ModelScore,
    ModelSelection,
    Plugin,
    RoutingRule,
)
from router.config.schema import ModelSettings
from router.config.signals import NamedRule
from router.decisions import All, Any, Decision, Is, Not, Rule, Stage
from router.matches import PROPOSAL
from router.mutation import HeaderChanges
from router.payload import SystemPrompt, SystemPromptMode


def compile_catalog(config: Config) -> Catalog:
    """What the configuration says can serve."""
    endpoints = {
        entry.name: Endpoint(entry.name, entry.address, entry.port, entry.weight)
        for entry in config.vllm_endpoints
    }
    models = {
        name: _model(name, settings, endpoints, config) for name, settings in config.models.items()
    }
    return Catalog(models, endpoints, named_ref(config.default_model, config), config.auto_names)


def _model(
    name: str, settings: ModelSettings, endpoints: dict[str, Endpoint], config: Config
) -> Model:
    pricing = settings.pricing
    return Model(
        name=name,
        endpoints=tuple(endpoints[entry.name] for entry in config.endpoints_of(name)),
        adapters=tuple(Adapter(lora.name, name, lora.description) for lora in settings.loras),
        reasoning_family=_family(settings.reasoning_family, config),
        price=pricing.prompt_per_1m + pricing.completion_per_1m if pricing else None,
        limits=Limits(settings.max_model_len, settings.vision, settings.tools),
        balancing=Balancing(settings.load_balancing),
    )


def _family(name: str | None, config: Config) -> ReasoningFamily | None:
    settings = config.families.get(name) if name else None
    if name is None or settings is None:
        return None
    return ReasoningFamily(name, ReasoningStyle(settings.type), settings.parameter)


def named_ref(name: str, config: Config) -> ModelRef:
    """The base model or adapter that the configuration calls `name`."""
    owner = next(
        (
            base
            for base, settings in config.models.items()
            if name in {lora.name for lora in settings.loras}
        ),
        None,
    )
    return ModelRef(owner, name) if owner else ModelRef(name)


def compile_stages(config: Config) -> tuple[Stage, ...]:
    """The decisions, and the categories by each method, without stages that hold nothing."""
    written = [_decision(settings, config) for settings in config.decisions]
    by_method = (list(_METHODS[method](config)) for method in config.classification_order)
    stages = (Stage(written, by_confidence=config.strategy == "confidence"), *map(Stage, by_method))
    return tuple(stage for stage in stages if stage.decisions)


def _decision(settings: DecisionSettings, config: Config) -> Decision:
    plugins = {plugin.type: plugin for plugin in settings.plugins}
    return Decision(
        name=settings.name,
        rule=_rule(settings.rules),
        refs=tuple(map(_ref, settings.model_refs)),
        system_prompt=_prompt_of(plugins.get("system_prompt")),
        priority=settings.priority,
        selection=_policy(settings.model_selection, settings.model_refs, config),
        headers=_headers_of(plugins.get("header_mutation")),
    )


def _rule(condition: Condition) -> Rule:
    if condition.conditions is None:
        assert condition.type is not None  # checked with the configuration
        assert condition.name is not None
        return Is(condition.type, condition.name)
    rules = tuple(map(_rule, condition.conditions))
    match condition.operator:
        case "NOT":
            return Not(Any(rules))
        case "OR":
            return Any(rules)
        case _:
            return All(rules)


def _ref(entry: ModelScore | ModelRefSettings) -> ModelRef:
    return ModelRef(
        entry.model,
        entry.lora_name,
        use_reasoning=entry.use_reasoning,
        reasoning_effort=entry.reasoning_effort,
        score=entry.score,
        weight=entry.weight,
    )


def _policy(
    own: ModelSelection | None, entries: tuple[ModelChoice, ...], config: Config
) -> SelectionPolicy:
    """The decision's own settings, then the file's, then what the entries suggest."""
    settings = [section for section in (own, config.model_selection) if section is not None]
    named = next((section.strategy for section in settings if section.strategy), None)
    weighted = any(entry.weight is not None for entry in entries)
    key = next((section.sticky_key for section in settings if section.sticky_key), "user")
    return SelectionPolicy(
        Strategy(named) if named else Strategy.WEIGHTED if weighted else Strategy.BEST,
        key,
        next((s.quality_floor for s in settings if s.quality_floor is not None), 0.0),
    )


def _prompt_of(plugin: Plugin | None) -> SystemPrompt | None:
    if plugin is None or not plugin.configuration.enabled:
        return None
    settings = plugin.configuration
    if not settings.system_prompt:
        return None
    return SystemPrompt(settings.system_prompt, SystemPromptMode(settings.mode))


def _headers_of(plugin: Plugin | None) -> HeaderChanges:
    if plugin is None or not plugin.configuration.enabled:
        return HeaderChanges()
    settings = plugin.configuration
    values = (*settings.add, *settings.update)
    return HeaderChanges(tuple((h.name, h.value) for h in values), settings.delete)


def _by_keyword(config: Config) -> Iterator[Decision]:
    """In the order of the rules: the first that matches decides."""
    yield from _by_rules("keyword", config.every_keyword_rule, config)


def _by_embedding(config: Config) -> Iterator[Decision]:
    yield from _by_rules("embedding", config.every_embedding_rule, config)


def _by_rules(kind: str, rules: Sequence[NamedRule], config: Config) -> Iterator[Decision]:
    categories = {category.name: category for category in config.categories}
    for title in dict.fromkeys(rule.title for rule in rules):
        if category := categories.get(title):
            yield _category(category, Is(kind, title), config)


def _by_mcp(config: Config) -> Iterator[Decision]:
    """The server's category, then whatever model the server names itself."""
    settings = config.classifier.mcp_category_model
    if settings is None or not settings.enabled:
        return
    for category in config.categories:
        yield _category(category, Is("mcp", category.name), config, proposer="mcp")
    yield Decision("mcp", Is("mcp", PROPOSAL), proposer="mcp")


def _by_description(config: Config) -> Iterator[Decision]:
    for category in (category for category in config.categories if category.description):
        yield _category(category, Is("description", category.name), config)


def _by_domain(config: Config) -> Iterator[Decision]:
    if config.classifier.category_model is not None:
        for category in config.categories:
            yield _category(category, Is("domain", category.name), config)


_METHODS: Mapping[str, Callable[[Config], Iterator[Decision]]] = MappingProxyType(
    {
        "keyword": _by_keyword,
        "embedding": _by_embedding,
        "mcp": _by_mcp,
        "description": _by_description,
        "domain": _by_domain,
    }
)


def _category(
    category: Category, rule: Rule, config: Config, proposer: str | None = None
) -> Decision:
    text = category.active_system_prompt
    mode = SystemPromptMode(category.system_prompt_mode)
    return Decision(
        name=category.name,
        category=category.name,
        rule=rule,
        refs=tuple(map(_ref, category.model_scores)),
        system_prompt=SystemPrompt(text, mode) if text else None,
        selection=_policy(category.model_selection, category.model_scores, config),
        proposer=proposer,
    )


def compile_rules(config: Config, catalog: Catalog) -> Stage:
    """Routing rules as decisions about the endpoint; the lowest number has the highest priority."""
    return Stage(
        [_routing(index, rule, catalog) for index, rule in enumerate(config.routing_rules)]
    )


def rule_name(index: int) -> str:
    """What a routing rule is called in records: it has no name of its own."""
    return f"routing_rules[{index}]"


def _routing(index: int, rule: RoutingRule, catalog: Catalog) -> Decision:
    route = rule.target
    assert route is not None  # checked with the configuration
    ref = catalog.find(route.model) if route.model else None
    name = rule_name(index)
    return Decision(
        name=name,
        rule=Is("request", name) if rule.match else All(()),
        refs=(ref,) if ref else (),
        priority=-route.priority,
        endpoint=catalog.endpoints[route.backend],
    )
