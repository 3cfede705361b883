"""What can be noticed about a request: one file per kind of signal.

A signal turns a request into matches. It is built once per snapshot and says nothing of routing:
decisions combine matches, telemetry reports them. To add a kind, write its file and name it here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from router.catalog import Catalog
from router.config import Config
from router.encoder import Encoder
from router.errors import RouterError
from router.matches import Match
from router.request import InferenceRequest

REGISTRY: Mapping[str, str] = MappingProxyType(
    {
        "keyword": "router.signals.keyword:KeywordSignal",
        "request": "router.signals.request:RequestSignal",
        "context": "router.signals.context:ContextSignal",
        "language": "router.signals.language:LanguageSignal",
        "embedding": "router.signals.embedding:EmbeddingSignal",
        "mcp": "router.signals.mcp:McpSignal",
        "description": "router.signals.description:DescriptionSignal",
        "domain": "router.signals.domain:DomainSignal",
    }
)


class Report(msgspec.Struct, frozen=True):
    """What one signal found in one request, and the facts that explain it.

    `error` is set, and `matches` empty, where the signal failed: its kind is then unknown. `facts`
    are JSON-ready and hold no text of the prompt.
    """

    kind: str
    matches: tuple[Match, ...] = ()
    facts: Mapping[str, object] = msgspec.field(default_factory=dict)
    error: RouterError | None = None


class McpClient(Protocol):
    """A connection to an MCP server that outlives reloads; it connects again by itself."""

    @property
    def categories(self) -> tuple[str, ...]:
        """What the server listed when it was last asked; empty before."""
        ...

    async def call(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The classifying tool's answer as a JSON object.

        Raises Unavailable: DeadlineExceeded, Overloaded where too many calls are under way,
        ClassifierFailed where the server is down or its answer is none.
        """
        ...


class Resources(Protocol):
    """What signals share, and what outlives them: models, connections, the catalog."""

    @property
    def catalog(self) -> Catalog: ...

    def category_model(self) -> Encoder:
        """The encoder of `classifier.category_model`. Raises ModelFilesError."""
        ...

    def embedding_model(self) -> Encoder:
        """The encoder of `embedding_model`, or the category model. Raises ModelFilesError."""
        ...

    def mcp_server(self) -> McpClient:
        """The client of `classifier.mcp_category_model`. Raises ConfigError."""
        ...


class Signal(Protocol):
    """One kind of signal, compiled from the configuration.

    `waits` tells whether `evaluate` ever waits for anything: those that never do are asked first,
    one after the other, the rest all at once.
    """

    kind: str
    waits: bool

    @classmethod
    async def build(cls, config: Config, resources: Resources) -> Signal | None:
        """The signal that `config` asks for, or None where it asks for none of this kind."""
        ...

    async def evaluate(self, request: InferenceRequest) -> Report:
        """Read one request. Failures are reported, not raised; within its own deadline."""
        ...


async def build_signals(
    config: Config, kinds: Collection[str], resources: Resources
) -> dict[str, Signal]:
    """The signals of these kinds that `config` asks for, by kind, in registry order."""
    built = {}
    for kind, path in REGISTRY.items():
        if kind in kinds and (signal := await _load(path).build(config, resources)):
            built[kind] = signal
    return built


def _load(path: str) -> type[Signal]:
    module, _, name = path.partition(":")
    signal: type[Signal] = getattr(import_module(module), name)
    return signal
