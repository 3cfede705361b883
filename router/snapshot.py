"""A configuration, compiled: everything that routing reads, immutable and swapped whole.

Knows how configuration becomes catalog, signals and decisions; leaves their use to routing. A
request ends on the snapshot that it began with.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from router.catalog import (
    Adapter,
    Catalog,
    Endpoint,
    Model,
    ModelRef,
    ReasoningFamily,
    ReasoningStyle,
)
from router.config import Category, ClassifierFiles, Config, Loaded
from router.config.schema import CategoryModel, ModelSettings
from router.decisions import Decision, Is
from router.encoder import Encoder
from router.encoder.batcher import Batcher
from router.encoder.facts import BatchFacts
from router.encoder.onnx import OnnxModel
from router.errors import ModelFilesError
from router.payload import SystemPrompt, SystemPromptMode
from router.signals import Signal, build_signals

_WARM_UP_TEXTS = ("warm up", "a longer text, so that the session's buffers grow " * 20)


@dataclass(frozen=True)
class Snapshot:
    """One configuration's worth of routing. `version` names the configuration in every record."""

    catalog: Catalog
    signals: tuple[Signal, ...]
    decisions: tuple[Decision, ...]
    rejects_on_error: bool
    default_reasoning_effort: str
    max_body_bytes: int
    version: str
    created: int


class Encoders:
    """The loaded models of one process, kept by their settings so that each loads once."""

    def __init__(self, observer: Callable[[BatchFacts], None] | None = None) -> None:
        self._loaded: dict[tuple[object, ...], Batcher] = {}
        self._observer = observer

    def open(self, files: ClassifierFiles, settings: CategoryModel) -> Encoder:
        """The encoder of a model directory. Raises ModelFilesError."""
        key = (files.directory, files.mapping, settings)
        if key not in self._loaded:
            self._loaded[key] = self._load(files, settings)
        return self._loaded[key]

    def _load(self, files: ClassifierFiles, settings: CategoryModel) -> Batcher:
        model = OnnxModel.load(
            files.directory,
            use_cpu=settings.use_cpu,
            head_tokens=settings.max_head_tokens,
            tail_tokens=settings.max_tail_tokens,
            threads=min(settings.threads, len(os.sched_getaffinity(0))),
            mapping=files.mapping,
        )
        if not model.labels:
            found = f"{files.directory}: the graph has no logits"
            raise ModelFilesError(f"{found}; a category model needs a classifier head")
        return Batcher(
            model,
            queue_size=settings.queue_size,
            cache_size=settings.cache_size,
            observer=self._observer,
        )

    async def warm(self) -> None:
        """Run every model, so that no client pays for first-time allocations."""
        for encoder in self._loaded.values():
            for text in _WARM_UP_TEXTS:
                await encoder.encode(text)

    async def close(self) -> None:
        for encoder in self._loaded.values():
            await encoder.close()


@dataclass(frozen=True, slots=True)
class _Resources:
    loaded: Loaded
    encoders: Encoders

    def category_model(self) -> Encoder:
        settings = self.loaded.config.classifier.category_model
        assert settings is not None
        assert self.loaded.classifier is not None  # the files were checked with the configuration
        return self.encoders.open(self.loaded.classifier, settings)


def compile_snapshot(loaded: Loaded, encoders: Encoders) -> Snapshot:
    """Compile a checked configuration. Raises ModelFilesError where a model cannot be loaded."""
    config = loaded.config
    return Snapshot(
        catalog=compile_catalog(config),
        signals=build_signals(config, _Resources(loaded, encoders)),
        decisions=compile_decisions(config),
        rejects_on_error=config.on_error == "reject",
        default_reasoning_effort=config.default_reasoning_effort,
        max_body_bytes=config.server.max_body_bytes,
        version=loaded.version,
        created=int(time.time()),
    )


def compile_catalog(config: Config) -> Catalog:
    """What the configuration says can serve."""
    endpoints = {
        entry.name: Endpoint(entry.name, entry.address, entry.port, entry.weight)
        for entry in config.vllm_endpoints
    }
    models = {
        name: _model(name, settings, endpoints, config) for name, settings in config.models.items()
    }
    return Catalog(models, endpoints, _default(config.default_model, models), config.auto_names)


def _model(
    name: str, settings: ModelSettings, endpoints: dict[str, Endpoint], config: Config
) -> Model:
    return Model(
        name=name,
        endpoints=tuple(endpoints[entry.name] for entry in config.endpoints_of(name)),
        adapters=tuple(Adapter(lora.name, name, lora.description) for lora in settings.loras),
        reasoning_family=_family(settings.reasoning_family, config),
    )


def _family(name: str | None, config: Config) -> ReasoningFamily | None:
    settings = config.families.get(name) if name else None
    if name is None or settings is None:
        return None
    return ReasoningFamily(name, ReasoningStyle(settings.type), settings.parameter)


def _default(name: str, models: dict[str, Model]) -> ModelRef:
    owner = next(
        (model for model in models.values() if name in {a.name for a in model.adapters}), None
    )
    return ModelRef(owner.name, name) if owner else ModelRef(name)


def compile_decisions(config: Config) -> tuple[Decision, ...]:
    """Each category as a decision that holds where its domain matched, in the file's order."""
    return tuple(_decision(category) for category in config.categories)


def _decision(category: Category) -> Decision:
    return Decision(
        name=category.name,
        category=category.name,
        rule=Is("domain", category.name),
        refs=tuple(
            ModelRef(
                entry.model,
                entry.lora_name,
                use_reasoning=entry.use_reasoning,
                reasoning_effort=entry.reasoning_effort,
                score=entry.score,
            )
            for entry in category.model_scores
        ),
        system_prompt=_system_prompt(category),
    )


def _system_prompt(category: Category) -> SystemPrompt | None:
    text = category.active_system_prompt
    return SystemPrompt(text, SystemPromptMode(category.system_prompt_mode)) if text else None
