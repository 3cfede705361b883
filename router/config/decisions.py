"""Decisions as the file writes them: rules over signals, models to choose from, plugins."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from router.config.section import Many, Section
from router.config.signals import RequestMatch
from router.config.texts import ClusterName, HeaderText, MutableHeader, Name, StickyKey

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]


class ModelChoice(Section):
    """One model that may answer, and how it is asked."""

    model: Name = Field(description="A base model, a key of `model_config`.")
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
    weight: float | None = Field(
        default=None,
        ge=0,
        description="The model's share of the requests where the strategy is `weighted`, in "
        "proportion to the others'; default: its score.",
    )


class ModelScore(ModelChoice):
    """One model that a category may be sent to."""

    score: float = Field(
        gt=0, description="How well the model suits; the highest wins, the first of equals."
    )


class ModelRefSettings(ModelChoice):
    """One model that a decision may be sent to."""

    score: float = Field(
        default=1.0,
        gt=0,
        description="How well the model suits; the highest wins, the first of equals.",
    )


class ModelSelection(Section):
    """How one of several models is chosen."""

    example = """
model_selection:
  strategy: weighted
  sticky_key: header:x-user-id
"""

    strategy: Literal["best", "weighted", "cheapest"] | None = Field(
        default=None,
        description="`best`: the highest score. `weighted`: a share of the requests in proportion "
        "to the weights. `cheapest`: the lowest `pricing` among those whose score reaches "
        "`quality_floor`. Default: `weighted` where a model has a weight, else `best`.",
    )
    sticky_key: StickyKey | None = Field(
        default=None,
        description="What keeps its model under `weighted`: `user` (the body's), `conversation` "
        "(its beginning), or `header:` and a name. Default: `user`. A request without it is left "
        "to chance.",
    )
    quality_floor: float | None = Field(
        default=None, ge=0, description="The lowest score that `cheapest` may choose; default: any."
    )


ConditionType = Literal["keyword", "embedding", "domain", "mcp", "language", "context", "request"]


class Condition(Section):
    """A signal that must have matched, or several conditions joined."""

    type: ConditionType | None = Field(default=None, description="The signal's kind.")
    name: Name | None = Field(default=None, description="The signal's name.")
    operator: Literal["AND", "OR", "NOT"] | None = Field(
        default=None, description="How `conditions` are joined; `NOT` takes one."
    )
    conditions: Many[Condition] | None = Field(default=None, description="The conditions joined.")


class HeaderValue(Section):
    """A header to set."""

    name: MutableHeader = Field(description="The header's name.")
    value: HeaderText = Field(description="The header's value.")


class PluginConfiguration(Section):
    """The settings of a plugin; which of them it takes is its type's matter."""

    enabled: bool = Field(default=True, description="Whether the plugin does anything.")
    system_prompt: str = Field(
        default="", description="`system_prompt`: the prompt that requests are given."
    )
    mode: Literal["replace", "insert"] = Field(
        default="replace",
        description="`system_prompt`: take the place of the client's, or stand before it.",
    )
    add: Many[HeaderValue] = Field(
        default=(),
        description="`header_mutation`: headers to set; a client's own value does not survive.",
    )
    update: Many[HeaderValue] = Field(
        default=(), description="`header_mutation`: another name for `add`."
    )
    delete: Many[MutableHeader] = Field(
        default=(), description="`header_mutation`: headers to remove."
    )


class Plugin(Section):
    """Something that a decision does to its requests."""

    type: Literal["system_prompt", "header_mutation"] = Field(description="What it does.")
    configuration: PluginConfiguration = Field(
        default=PluginConfiguration(), description="How it does it."
    )


class DecisionSettings(Section):
    """A rule over signals, and where the requests go that it holds for."""

    example = """
decisions:
  - name: urgent-legal
    priority: 100
    rules:
      operator: AND
      conditions:
        - {type: domain, name: law}
        - operator: NOT
          conditions:
            - {type: keyword, name: contract}
    modelRefs:
      - model: qwen3-8b
        lora_name: legal-lora
        use_reasoning: true
    plugins:
      - type: system_prompt
        configuration:
          system_prompt: You are a legal expert.
"""

    name: Name = Field(description="The decision's name, unique in the file.")
    description: str = Field(default="", description="For the reader of the file.")
    priority: int = Field(
        default=0, description="Where several decisions hold, the highest priority wins."
    )
    rules: Condition = Field(
        default=Condition(operator="AND", conditions=()),
        description="What must hold; without it, the decision holds always.",
    )
    model_refs: Many[ModelRefSettings] = Field(
        alias="modelRefs", min_length=1, description="The models that may answer, at least one."
    )
    model_selection: ModelSelection | None = Field(
        default=None, description="How one is chosen; default: the file's `model_selection`."
    )
    plugins: Many[Plugin] = Field(default=(), description="What is done to the requests.")


class Route(Section):
    """Where a routing rule sends requests."""

    backend: ClusterName = Field(description="An endpoint, by name.")
    model: Name | None = Field(
        default=None,
        description="The model or adapter that is asked for; default: the one that the client "
        "asked for, or that was chosen by content.",
    )
    priority: int = Field(
        default=1, description="Where several rules match, the lowest number wins."
    )


class Fallback(Section):
    """What happens to requests that no routing rule matches."""

    route: Route = Field(description="Where they go.")


class RoutingRule(Section):
    """Which endpoint requests go to by what their client asked for, whatever their content."""

    example = """
routing_rules:
  - match:
      model: gpt-4o
      path: /v1/chat/completions
    route:
      backend: vllm-a
      model: qwen3-8b
      priority: 1
  - fallback:
      route:
        backend: vllm-b
        priority: 10
"""

    match: RequestMatch | None = Field(
        default=None, description="Facts that must all hold; a fallback has none."
    )
    route: Route | None = Field(default=None, description="Where matching requests go.")
    fallback: Fallback | None = Field(
        default=None,
        description="Where requests go that no other rule matches; `route` may also stand beside "
        "it.",
    )

    @property
    def target(self) -> Route | None:
        """Where the rule's requests go, whichever key says so."""
        return self.fallback.route if self.fallback else self.route
