"""What can serve: endpoints, base models, their LoRA adapters, and how to ask for them.

Frozen values, compiled from the configuration once. Everything about an adapter that is not the
adapter's own (endpoints, reasoning family, price) is found through its base model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One vLLM server; `name` is also its Envoy cluster."""

    name: str
    address: str
    port: int
    weight: int = 1

    @property
    def authority(self) -> str:
        """`address:port`, with an IPv6 address in brackets."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


class ReasoningStyle(StrEnum):
    """Where a backend looks for the reasoning switch."""

    CHAT_TEMPLATE_KWARGS = "chat_template_kwargs"
    REASONING_EFFORT = "reasoning_effort"


@dataclass(frozen=True, slots=True)
class ReasoningFamily:
    """How models of one family are told to reason: the field that carries the switch."""

    name: str
    style: ReasoningStyle
    parameter: str


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter; vLLM serves it under `name` beside its base model."""

    name: str
    base: str
    description: str = ""


class Balancing(StrEnum):
    """How one of a model's endpoints is chosen."""

    LORA_AFFINITY = "lora_affinity"
    WEIGHTED = "weighted"
    ROUND_ROBIN = "round_robin"
    LEAST_LOAD = "least_load"
    RANDOM_OF_TWO = "random_of_two"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model can take; None where that is not known."""

    max_model_len: int | None = None
    vision: bool | None = None
    tools: bool | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """A base model with the adapters trained on it and the endpoints that hold it, in order.

    `price` is that of a million prompt tokens and a million generated ones.
    """

    name: str
    endpoints: tuple[Endpoint, ...]
    adapters: tuple[Adapter, ...] = ()
    reasoning_family: ReasoningFamily | None = None
    price: float | None = None
    limits: Limits = Limits()
    balancing: Balancing = Balancing.LORA_AFFINITY


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A choice of model: the base model, an adapter on it or none, and whether to reason.

    `weight` is its share among the choices of a decision; None where none is stated.
    """

    model: str
    lora: str | None = None
    use_reasoning: bool = False
    reasoning_effort: str | None = None
    score: float = 1.0
    weight: float | None = None

    @property
    def served_name(self) -> str:
        """The name that the backend is asked for."""
        return self.lora or self.model


class Strategy(StrEnum):
    """How one of several models is chosen."""

    BEST = "best"
    WEIGHTED = "weighted"
    CHEAPEST = "cheapest"


@dataclass(frozen=True, slots=True)
class SelectionPolicy:
    """A strategy with its settings.

    `sticky_key` is `user`, `conversation` or `header:` and a name: what keeps its model under
    WEIGHTED. `quality_floor` is the lowest score that CHEAPEST may choose.
    """

    strategy: Strategy = Strategy.BEST
    sticky_key: str = "user"
    quality_floor: float = 0.0


@dataclass(frozen=True)
class Catalog:
    """Everything that can be asked for by name; `default` serves what no decision claims."""

    models: Mapping[str, Model]
    endpoints: Mapping[str, Endpoint]
    default: ModelRef
    auto_names: tuple[str, ...] = ("MoM", "auto")

    @cached_property
    def adapters(self) -> Mapping[str, Adapter]:
        return {a.name: a for model in self.models.values() for a in model.adapters}

    def find(self, name: str) -> ModelRef | None:
        """The model or adapter that clients call `name`, or None."""
        if name in self.models:
            return ModelRef(name)
        adapter = self.adapters.get(name)
        return ModelRef(adapter.base, adapter.name) if adapter else None
