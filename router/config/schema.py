"""The whole configuration as strict, frozen values: every key, its type, default and meaning.

What one value may be is said here; how values must fit together is checked in `references`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from router.config.process import EnvoySettings, LoggingSettings, Milliseconds, ServerSettings
from router.config.section import Many, Section
from router.config.texts import ClusterName, Host, Name

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]


class CategoryModel(Section):
    """The model that tells a prompt's domain."""

    example = """
classifier:
  category_model:
    model_id: models/mom-domain-classifier
    threshold: 0.6
    timeout_ms: 500
"""

    model_id: str = Field(
        min_length=1,
        description="The model's directory: an ONNX sequence classifier with its tokenizer. A "
        "relative path is looked for in the working directory, then beside the configuration "
        "file, then in the directory above that.",
    )
    threshold: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="A category less probable than this is not chosen: the request goes to "
        "`default_model`.",
    )
    use_cpu: bool = Field(
        default=True, description="Run on the CPU; `false` needs the `gpu` extra and CUDA."
    )
    use_modernbert: bool = Field(
        default=False,
        description="Accepted for compatibility; the architecture is read from the model itself.",
    )
    category_mapping_path: str | None = Field(
        default=None,
        min_length=1,
        description="A `category_mapping.json` that names the labels and their aliases, found "
        "as `model_id` is. Default: the one in the model's directory, else `id2label` in its "
        "`config.json`.",
    )
    max_head_tokens: int = Field(
        default=192, ge=1, le=8192, description="How many tokens of a prompt's beginning are read."
    )
    max_tail_tokens: int = Field(
        default=64,
        ge=0,
        le=8192,
        description="How many tokens of a longer prompt's end are read besides.",
    )
    threads: int = Field(
        default=2,
        ge=1,
        le=256,
        description="CPU threads of one forward pass, and never more than there are CPUs. More "
        "make a long prompt faster; 1 leaves most for other requests.",
    )
    timeout_ms: Milliseconds = Field(
        default=1000,
        description="How long a classification may take, waiting included, before `on_error` "
        "decides.",
    )
    queue_size: int = Field(
        default=1024,
        ge=1,
        le=1_000_000,
        description="How many prompts may wait for the model; one more is a failure at once.",
    )
    cache_size: int = Field(
        default=4096,
        ge=0,
        le=10_000_000,
        description="How many classified texts are remembered; 0 remembers none.",
    )


class Classifier(Section):
    """How prompts are understood."""

    category_model: CategoryModel | None = Field(
        default=None, description="The domain model; without it no category is found by domain."
    )


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


class ModelScore(Section):
    """One model that a category may be sent to."""

    model: Name = Field(description="A base model, a key of `model_config`.")
    score: float = Field(
        gt=0, description="How well the model suits; the highest wins, the first of equals."
    )
    lora_name: Name | None = Field(
        default=None,
        description="One of that model's `loras`; without it the base model itself answers.",
    )
    use_reasoning: bool = Field(
        default=False, description="Whether the model is told to reason, or told not to."
    )
    reasoning_effort: Effort | None = Field(
        default=None, description="How much to reason; default: `default_reasoning_effort`."
    )
    reasoning_description: str = Field(
        default="", description="Why; for the reader of the file only."
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
        description="The category's name; a label of the classifier, an alias of labels, or any "
        "name with `mmlu_categories`."
    )
    description: str = Field(default="", description="What belongs to the category.")
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
        description="The base model or adapter that answers when no category is chosen."
    )
    categories: Many[Category] = Field(
        default=(), description="The kinds of prompt; without any, all go to `default_model`."
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
    def families(self) -> Mapping[str, ReasoningFamilySettings]:
        """Every reasoning family by name; the file's own take the built-in ones' place."""
        return {**BUILT_IN_FAMILIES, **self.reasoning_families}

    def endpoints_of(self, model: str) -> tuple[VllmEndpoint, ...]:
        """The endpoints that serve base model `model`, in the order of preference."""
        by_name = {endpoint.name: endpoint for endpoint in self.vllm_endpoints}
        preferred = self.models[model].preferred_endpoints
        return tuple(by_name[name] for name in preferred) or self.vllm_endpoints
