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


@dataclass(frozen=True, slots=True)
class Model:
    """A base model with the adapters trained on it and the endpoints that hold it, in order."""

    name: str
    endpoints: tuple[Endpoint, ...]
    adapters: tuple[Adapter, ...] = ()
    reasoning_family: ReasoningFamily | None = None


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A choice of model: the base model, an adapter on it or none, and whether to reason."""

    model: str
    lora: str | None = None
    use_reasoning: bool = False
    reasoning_effort: str | None = None
    score: float = 1.0

    @property
    def served_name(self) -> str:
        """The name that the backend is asked for."""
        return self.lora or self.model


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
