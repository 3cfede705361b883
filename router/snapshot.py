"""A configuration, compiled: everything that routing reads, immutable and swapped whole.

Knows what a snapshot is made of; leaves what outlives it to the holdings. A request ends on the
snapshot that it began with.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

from router.catalog import Catalog
from router.compilation import compile_catalog, compile_rules, compile_stages, rule_name
from router.config import Config, Loaded
from router.decisions import Stage
from router.encoder import Encoder
from router.errors import ModelFilesError
from router.holdings import Holdings, Lease
from router.matches import Match, Matches
from router.request import InferenceRequest
from router.signals import McpClient, Resources, Signal, build_signals
from router.signals.request import RequestMatcher


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
    """One configuration's worth of routing. `version` names the configuration in every record.

    `lease` holds its models; whoever replaces the snapshot releases it when the last request that
    began with it has ended.
    """

    catalog: Catalog
    signals: Mapping[str, Signal]
    stages: tuple[Stage, ...]
    rejects_on_error: bool
    default_reasoning_effort: str
    max_body_bytes: int
    version: str
    created: int
    rules: Rules | None = None
    rejects_missing_adapters: bool = False
    discovers_adapters: bool = False
    only_auto_names: bool = False
    lease: Lease | None = None


@dataclass(frozen=True, slots=True)
class _Resources:
    """What the signals of one configuration are built with."""

    loaded: Loaded
    lease: Lease
    catalog: Catalog

    def load(self, kinds: Set[str]) -> None:
        """Load the models that signals of these kinds need. Raises ModelFilesError."""
        config = self.loaded.config
        if config.classifier.category_model and kinds & {"domain", "embedding", "description"}:
            self.category_model()
        if config.embedding_model and kinds & {"embedding", "description"}:
            self.embedding_model()

    def category_model(self) -> Encoder:
        settings, files = self.loaded.config.classifier.category_model, self.loaded.classifier
        assert settings is not None
        assert files is not None  # the files were checked with the configuration
        encoder = self.lease.encoder(files.directory, settings, files.mapping)
        if not encoder.labels:
            found = f"{files.directory}: the graph has no logits"
            raise ModelFilesError(f"{found}; a category model needs a classifier head")
        return encoder

    def embedding_model(self) -> Encoder:
        settings, directory = self.loaded.config.embedding_model, self.loaded.embedding
        if settings is None:
            return self.category_model()
        assert directory is not None
        return self.lease.encoder(directory, settings)

    def mcp_server(self) -> McpClient:
        settings = self.loaded.config.classifier.mcp_category_model
        assert settings is not None
        return self.lease.mcp_server(settings)


async def compile_snapshot(loaded: Loaded, holdings: Holdings) -> Snapshot:
    """Compile a checked configuration, and warm what it is the first to use.

    Raises ModelFilesError where a model cannot be loaded; then nothing stays held.
    """
    catalog = compile_catalog(loaded.config)
    stages = compile_stages(loaded.config)
    lease = holdings.lease()
    resources = _Resources(loaded, lease, catalog)
    try:
        # In a thread, for loading a model takes a while; the signals find it loaded then.
        await asyncio.to_thread(resources.load, _kinds(stages))
        snapshot = await build_snapshot(
            loaded.config, catalog, resources, loaded.version, stages=stages
        )
        await holdings.warm()
    except BaseException:
        lease.release()
        raise
    return replace(snapshot, lease=lease)


async def build_snapshot(
    config: Config,
    catalog: Catalog,
    resources: Resources,
    version: str,
    *,
    stages: tuple[Stage, ...] | None = None,
) -> Snapshot:
    """A snapshot of `config` on resources of the caller's choice.

    `stages` are those of `config`, from whoever has compiled them already.
    """
    stages = compile_stages(config) if stages is None else stages
    signals = await build_signals(config, _kinds(stages), resources)
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
        rejects_missing_adapters=config.missing_adapter == "reject",
        discovers_adapters=config.discover_adapters,
        only_auto_names=config.client_models == "auto",
    )


def _kinds(stages: tuple[Stage, ...]) -> frozenset[str]:
    """The kinds of signal that some decision uses."""
    return frozenset(kind for stage in stages for kind in stage.kinds)


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
