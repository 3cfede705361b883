"""A configuration, compiled: everything that routing reads, immutable and swapped whole.

Knows what a snapshot is made of and what outlives it: loaded models and connections. A request ends
on the snapshot that it began with.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from router.catalog import Catalog
from router.compilation import compile_catalog, compile_rules, compile_stages, rule_name
from router.config import Config, Loaded
from router.config.classifier import EncoderSettings, McpCategoryModel
from router.decisions import Stage
from router.encoder import Encoder
from router.encoder.batcher import Batcher
from router.encoder.facts import BatchFacts
from router.encoder.onnx import OnnxModel
from router.errors import ModelFilesError
from router.matches import Match, Matches
from router.mcp_client import McpServer
from router.request import InferenceRequest
from router.signals import McpClient, Resources, Signal, build_signals
from router.signals.request import RequestMatcher

_WARM_UP_TEXTS = ("warm up", "a longer text, so that the session's buffers grow " * 20)


@dataclass(frozen=True)
class Rules:
    """Routing rules, compiled: what each asks of a request, and where it sends it."""

    stage: Stage
    matchers: Mapping[str, RequestMatcher]

    def matches(self, request: InferenceRequest) -> Matches:
        """The rules whose facts hold."""
        return Matches(
            Match("request", name)
            for name, matcher in self.matchers.items()
            if matcher.holds(request)
        )


@dataclass(frozen=True)
class Snapshot:
    """One configuration's worth of routing. `version` names the configuration in every record."""

    catalog: Catalog
    signals: Mapping[str, Signal]
    stages: tuple[Stage, ...]
    rejects_on_error: bool
    default_reasoning_effort: str
    max_body_bytes: int
    version: str
    created: int
    rules: Rules | None = None


@dataclass
class Shared:
    """What the snapshots of one process share, each loaded or connected once for its settings."""

    observer: Callable[[BatchFacts], None] | None = None
    _encoders: dict[tuple[object, ...], Batcher] = field(default_factory=dict)
    _servers: dict[str, McpServer] = field(default_factory=dict)

    def encoder(
        self, directory: Path, settings: EncoderSettings, mapping: Path | None = None
    ) -> Encoder:
        """The encoder of a model directory. Raises ModelFilesError."""
        # One model serves as classifier and as encoder where the settings agree.
        key = (directory, mapping, *(getattr(settings, name) for name in _ENCODER_FIELDS))
        if key not in self._encoders:
            self._encoders[key] = self._load(directory, settings, mapping)
        return self._encoders[key]

    def _load(self, directory: Path, settings: EncoderSettings, mapping: Path | None) -> Batcher:
        model = OnnxModel.load(
            directory,
            use_cpu=settings.use_cpu,
            head_tokens=settings.max_head_tokens,
            tail_tokens=settings.max_tail_tokens,
            threads=min(settings.threads, len(os.sched_getaffinity(0))),
            mapping=mapping,
        )
        return Batcher(
            model,
            queue_size=settings.queue_size,
            cache_size=settings.cache_size,
            observer=self.observer,
        )

    def mcp_server(self, settings: McpCategoryModel) -> McpClient:
        """The client of an MCP server, connecting. Raises ConfigError where it cannot be made."""
        key = settings.model_dump_json()
        if key not in self._servers:
            self._servers[key] = McpServer(settings)
            self._servers[key].start()
        return self._servers[key]

    async def warm(self) -> None:
        """Run every model, so that no client pays for first-time allocations."""
        for encoder in self._encoders.values():
            for text in _WARM_UP_TEXTS:
                await encoder.encode(text)

    async def close(self) -> None:
        for server in self._servers.values():
            await server.close()
        for encoder in self._encoders.values():
            await encoder.close()


_ENCODER_FIELDS = tuple(EncoderSettings.model_fields)


@dataclass(frozen=True, slots=True)
class _Resources:
    """What the signals of one configuration are built with."""

    loaded: Loaded
    shared: Shared
    catalog: Catalog

    def category_model(self) -> Encoder:
        settings, files = self.loaded.config.classifier.category_model, self.loaded.classifier
        assert settings is not None
        assert files is not None  # the files were checked with the configuration
        encoder = self.shared.encoder(files.directory, settings, files.mapping)
        if not encoder.labels:
            found = f"{files.directory}: the graph has no logits"
            raise ModelFilesError(f"{found}; a category model needs a classifier head")
        return encoder

    def embedding_model(self) -> Encoder:
        settings, directory = self.loaded.config.embedding_model, self.loaded.embedding
        if settings is None:
            return self.category_model()
        assert directory is not None
        return self.shared.encoder(directory, settings)

    def mcp_server(self) -> McpClient:
        settings = self.loaded.config.classifier.mcp_category_model
        assert settings is not None
        return self.shared.mcp_server(settings)


async def compile_snapshot(loaded: Loaded, shared: Shared) -> Snapshot:
    """Compile a checked configuration. Raises ModelFilesError where a model cannot be loaded."""
    catalog = compile_catalog(loaded.config)
    return await build_snapshot(
        loaded.config, catalog, _Resources(loaded, shared, catalog), loaded.version
    )


async def build_snapshot(
    config: Config, catalog: Catalog, resources: Resources, version: str
) -> Snapshot:
    """A snapshot of `config` on resources of the caller's choice."""
    stages = compile_stages(config)
    kinds = frozenset(kind for stage in stages for kind in stage.kinds)
    signals = await build_signals(config, kinds, resources)
    return Snapshot(
        catalog=catalog,
        signals=signals,
        stages=tuple(stage for stage in stages if _can_decide(stage, signals)),
        rejects_on_error=config.on_error == "reject",
        default_reasoning_effort=config.default_reasoning_effort,
        max_body_bytes=config.server.max_body_bytes,
        version=version,
        created=int(time.time()),
        rules=_rules(config, catalog),
    )


def _can_decide(stage: Stage, signals: Mapping[str, Signal]) -> bool:
    """Whether there is a signal to ask, or a decision that needs none."""
    return not stage.kinds.isdisjoint(signals) or stage.decide(Matches()).decision is not None


def _rules(config: Config, catalog: Catalog) -> Rules | None:
    if not config.routing_rules:
        return None
    matchers = {
        rule_name(index): RequestMatcher.compile(rule.match)
        for index, rule in enumerate(config.routing_rules)
        if rule.match
    }
    return Rules(compile_rules(config, catalog), matchers)
