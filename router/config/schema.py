"""The whole configuration as strict, frozen values: every key, its type, default and meaning.

What one value may be is said here; how values must fit together is checked in `references`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from router.config.classifier import Classifier, EmbeddingModel
from router.config.decisions import (
    DecisionSettings,
    Effort,
    ModelScore,
    ModelSelection,
    RoutingRule,
)
from router.config.live_view import LiveViewSettings
from router.config.process import EnvoySettings, LoggingSettings, ServerSettings
from router.config.section import Many, Section
from router.config.signals import EmbeddingRule, KeywordRule, Signals
from router.config.texts import ClusterName, Host, Name

Method = Literal["keyword", "embedding", "mcp", "description", "domain"]


class VllmEndpoint(Section):
    """One vLLM server."""

    example = """
vllm_endpoints:
  - name: vllm-a
    address: 10.0.0.7
    port: 8000
    weight: 3
  - name: vllm-b
    address: vllm.internal
    port: ${VLLM_PORT:-8000}
"""

    name: ClusterName = Field(
        description="A name of your choice; it is also the name of the Envoy cluster."
    )
    address: Host = Field(
        description="A host name, an IPv4 or an IPv6 address, without scheme, port or path."
    )
    port: int = Field(ge=1, le=65535, description="The server's port.")
    weight: int = Field(
        default=1,
        ge=0,
        le=1_000_000,
        description="The endpoint's share of the requests, in proportion to the others'; 0 takes "
        "it out of the choice.",
    )


class Lora(Section):
    """A LoRA adapter that the base model's endpoints have loaded."""

    name: Name = Field(
        description="The adapter's name, as vLLM's `--lora-modules` gives it; unique in the file."
    )
    description: str = Field(default="", description="What the adapter is good at.")


class Pricing(Section):
    """What tokens cost; adapters cost what their base model does."""

    currency: Name = Field(default="USD", description="The currency of both prices.")
    prompt_per_1m: float = Field(default=0.0, ge=0, description="Price of a million prompt tokens.")
    completion_per_1m: float = Field(
        default=0.0, ge=0, description="Price of a million generated tokens."
    )


class ModelSettings(Section):
    """One base model."""

    example = """
model_config:
  qwen3-8b:
    reasoning_family: qwen3
    preferred_endpoints: [vllm-a]
    loras:
      - name: legal-lora
        description: Fine-tuned for legal questions
    pricing:
      currency: USD
      prompt_per_1m: 0.20
      completion_per_1m: 0.60
"""

    reasoning_family: Name | None = Field(
        default=None,
        description="How the model is told to reason: `deepseek`, `qwen3`, `gpt-oss`, `gpt`, or "
        "one of `reasoning_families`. Without it nothing is said about reasoning.",
    )
    preferred_endpoints: Many[Name] = Field(
        default=(),
        description="The endpoints that serve the model and its adapters; none named: all do.",
    )
    loras: Many[Lora] = Field(default=(), description="The model's LoRA adapters.")
    pricing: Pricing | None = Field(default=None, description="What the model's tokens cost.")
    max_model_len: int | None = Field(
        default=None,
        ge=1,
        description="The model's context length in tokens, vLLM's `--max-model-len`: longer "
        "requests go to another model of the decision, if there is one. Default: any.",
    )
    vision: bool | None = Field(
        default=None, description="Whether the model sees images; default: not known."
    )
    tools: bool | None = Field(
        default=None, description="Whether the model can call tools; default: not known."
    )
    load_balancing: Literal[
        "lora_affinity", "weighted", "round_robin", "least_load", "random_of_two"
    ] = Field(
        default="lora_affinity",
        description="How one of the model's endpoints is chosen. `lora_affinity` prefers one that "
        "has the adapter in memory, unless that has more than its share of the requests; the base "
        "model itself is spread by weight.",
    )


class ReasoningFamilySettings(Section):
    """How the models of one family are told to reason."""

    example = """
reasoning_families:
  granite:
    type: chat_template_kwargs
    parameter: thinking
"""

    type: Literal["chat_template_kwargs", "reasoning_effort"] = Field(
        description="`chat_template_kwargs` switches a template's parameter on and off; "
        "`reasoning_effort` asks for an effort."
    )
    parameter: Name = Field(description="The field's name, such as `enable_thinking`.")


BUILT_IN_FAMILIES: Mapping[str, ReasoningFamilySettings] = MappingProxyType(
    {
        "deepseek": ReasoningFamilySettings(type="chat_template_kwargs", parameter="thinking"),
        "qwen3": ReasoningFamilySettings(type="chat_template_kwargs", parameter="enable_thinking"),
        "gpt-oss": ReasoningFamilySettings(type="reasoning_effort", parameter="reasoning_effort"),
        "gpt": ReasoningFamilySettings(type="reasoning_effort", parameter="reasoning_effort"),
    }
)


class Category(Section):
    """A kind of prompt, and where it goes."""

    example = """
categories:
  - name: legal
    description: Legal questions
    system_prompt: You are a legal expert.
    model_scores:
      - model: qwen3-8b
        lora_name: legal-lora
        score: 1.0
        use_reasoning: true
        reasoning_effort: high
  - name: shop
    mmlu_categories: [business, economics]
    model_scores:
      - model: qwen3-8b
        score: 0.8
"""

    name: Name = Field(
        description="The category's name: what rules, the MCP server or the classifier call it; "
        "any name where `mmlu_categories` or `description` say what it means."
    )
    description: str = Field(
        default="",
        description="What belongs to the category; prompts are compared with it where nothing else "
        "names the category.",
    )
    mmlu_categories: Many[Name] = Field(
        default=(), description="Labels or aliases of the classifier that mean this category too."
    )
    system_prompt: str = Field(
        default="", description="The system prompt that the category's requests are given."
    )
    system_prompt_enabled: bool | None = Field(
        default=None,
        description="Whether `system_prompt` is used; default: when there is one.",
    )
    system_prompt_mode: Literal["replace", "insert"] = Field(
        default="replace",
        description="Take the place of the client's system prompt, or stand before it.",
    )
    model_scores: Many[ModelScore] = Field(
        min_length=1, description="The models that may answer, at least one."
    )
    model_selection: ModelSelection | None = Field(
        default=None, description="How one is chosen; default: the file's `model_selection`."
    )

    @property
    def active_system_prompt(self) -> str | None:
        """The system prompt to use, or None where there is none or it is switched off."""
        return self.system_prompt or None if self.system_prompt_enabled is not False else None


class Config(Section):
    """A configuration file."""

    classifier: Classifier = Field(default=Classifier(), description="How prompts are understood.")
    vllm_endpoints: Many[VllmEndpoint] = Field(
        min_length=1, description="The vLLM servers, at least one."
    )
    models: dict[Name, ModelSettings] = Field(
        alias="model_config", min_length=1, description="The base models by name, at least one."
    )
    default_model: Name = Field(
        description="The base model or adapter that answers when nothing else is chosen."
    )
    categories: Many[Category] = Field(
        default=(),
        description="The kinds of prompt; what belongs to none goes to `default_model`.",
    )
    classification_order: Many[Method] = Field(
        default=("keyword", "embedding", "mcp", "description", "domain"),
        min_length=1,
        description="In which order the methods look for a category; the first to find one "
        "decides, and a method that is left out is not used. `description` matches categories "
        "that nothing else names by their descriptions.",
    )
    keyword_rules: Many[KeywordRule] = Field(
        default=(), description="Keywords that name a category, or a signal for decisions."
    )
    embedding_rules: Many[EmbeddingRule] = Field(
        default=(), description="Phrases that name a category, or a signal for decisions."
    )
    embedding_model: EmbeddingModel | None = Field(
        default=None,
        description="The encoder of embedding rules; default: the category model, in the pass "
        "that finds the domain.",
    )
    signals: Signals = Field(default=Signals(), description="Signals for decisions.")
    decisions: Many[DecisionSettings] = Field(
        default=(), description="Rules over signals; they go before categories."
    )
    strategy: Literal["priority", "confidence"] = Field(
        default="priority",
        description="Which decision wins where several hold: by priority, then confidence, then "
        "order in the file; or by confidence first.",
    )
    model_selection: ModelSelection = Field(
        default=ModelSelection(), description="How one of several models is chosen."
    )
    routing_rules: Many[RoutingRule] = Field(
        default=(),
        description="Endpoints by what clients ask for; they hold whatever the content is.",
    )
    live_view: LiveViewSettings = Field(
        default=LiveViewSettings(), description="What endpoints are asked about themselves."
    )
    missing_adapter: Literal["base_model", "reject"] = Field(
        default="base_model",
        description="When no endpoint has loaded an adapter that is asked for, as far as the live "
        "view knows: answer from its base model, or with 503.",
    )
    discover_adapters: bool = Field(
        default=False,
        description="Whether clients may ask for adapters that endpoints list and the file does "
        "not name; needs the live view.",
    )
    reasoning_families: dict[Name, ReasoningFamilySettings] = Field(
        default={},
        description="More reasoning families by name, or other settings for the built-in ones "
        "(`deepseek`, `qwen3`, `gpt-oss`, `gpt`).",
    )
    default_reasoning_effort: Effort = Field(
        default="medium", description="The effort where a model score does not name one."
    )
    auto_model_name: Name = Field(
        default="MoM",
        description="The model name that asks the router to choose; `auto` always does too.",
    )
    client_models: Literal["any", "auto"] = Field(
        default="any",
        description="Which models clients may ask for: every model and adapter by its name, or "
        "only the names that ask the router to choose. `auto` keeps a tenant from another's "
        "adapter; routing rules can still give names of their own to models.",
    )
    include_config_models_in_list: bool = Field(
        default=True,
        description="Accepted for compatibility; `/v1/models` always lists models and adapters.",
    )
    clear_route_cache: bool = Field(
        default=True,
        description="Accepted for compatibility; Envoy is always told to choose its route anew.",
    )
    on_error: Literal["default_model", "reject"] = Field(
        default="default_model",
        description="When a prompt cannot be classified (the classifier failed, is overloaded or "
        "late, or the router is down): serve it from `default_model`, or answer 503.",
    )
    server: ServerSettings = Field(
        default=ServerSettings(), description="Where the router itself listens."
    )
    envoy: EnvoySettings = Field(
        default=EnvoySettings(), description="What Envoy's configuration is written with."
    )
    logging: LoggingSettings = Field(default=LoggingSettings(), description="The router's log.")

    @property
    def auto_names(self) -> tuple[str, ...]:
        """The model names that ask the router to choose; the first is the one to show."""
        return tuple(dict.fromkeys((self.auto_model_name, "auto")))

    @property
    def every_keyword_rule(self) -> tuple[KeywordRule, ...]:
        """Keyword rules, wherever they stand, in the file's order."""
        return (*self.keyword_rules, *self.signals.keywords)

    @property
    def every_embedding_rule(self) -> tuple[EmbeddingRule, ...]:
        """Embedding rules, wherever they stand, in the file's order."""
        return (*self.embedding_rules, *self.signals.embeddings)

    @property
    def families(self) -> Mapping[str, ReasoningFamilySettings]:
        """Every reasoning family by name; the file's own take the built-in ones' place."""
        return {**BUILT_IN_FAMILIES, **self.reasoning_families}

    def endpoints_of(self, model: str) -> tuple[VllmEndpoint, ...]:
        """The endpoints that serve base model `model`, in the order of preference."""
        by_name = {endpoint.name: endpoint for endpoint in self.vllm_endpoints}
        preferred = self.models[model].preferred_endpoints
        return tuple(by_name[name] for name in preferred) or self.vllm_endpoints
