"""What can be noticed about a prompt: one file per kind of signal.

A signal turns a prompt into matches. It is built once per snapshot and says nothing of routing:
decisions combine matches, telemetry reports them. To add a kind, write its file and name it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Protocol

from router.config import Config
from router.encoder import Encoder
from router.errors import RouterError
from router.matches import Match
from router.request import Prompt

REGISTRY: Mapping[str, str] = MappingProxyType({"domain": "router.signals.domain:DomainSignal"})


@dataclass(frozen=True, slots=True)
class Report:
    """What one signal found in one prompt, and the facts that explain it.

    `error` is set, and `matches` empty, where the signal failed: its kind is then unknown.
    """

    kind: str
    matches: tuple[Match, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    error: RouterError | None = None


class Resources(Protocol):
    """What signals may share: loaded models."""

    def category_model(self) -> Encoder:
        """The encoder of `classifier.category_model`. Raises ModelFilesError."""
        ...


class Signal(Protocol):
    """One kind of signal, compiled from the configuration."""

    kind: str

    @classmethod
    def build(cls, config: Config, resources: Resources) -> Signal | None:
        """The signal that `config` asks for, or None where it asks for none of this kind."""
        ...

    async def evaluate(self, prompt: Prompt) -> Report:
        """Read one prompt. Failures are reported, not raised."""
        ...


def build_signals(config: Config, resources: Resources) -> tuple[Signal, ...]:
    """Every signal that `config` asks for, in registry order."""
    built = (_load(path).build(config, resources) for path in REGISTRY.values())
    return tuple(signal for signal in built if signal is not None)


def _load(path: str) -> type[Signal]:
    module, _, name = path.partition(":")
    signal: type[Signal] = getattr(import_module(module), name)
    return signal
