"""The MCP signal: what an MCP server says of a request, as far as it can be believed.

Knows what the names in an answer mean here; leaves connections, deadlines and the answer's shape to
`mcp_client`. The server may name a category, or the model or adapter itself. A name that the
configuration does not know makes the signal unknown: a lie never becomes a route.

A server that names only whether to reason (`use_reasoning` without a model) is told of in the
match's `detail`; the category's own models keep their settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from router.catalog import Catalog, ModelRef
from router.config import Config
from router.config.classifier import McpCategoryModel
from router.config.conditions import names_asked_for
from router.errors import ClassifierFailed, RouterError
from router.matches import Match
from router.mcp_client.answers import Answer, read_answer
from router.mcp_client.cache import Recent, digest
from router.request import InferenceRequest
from router.signals import McpClient, Report, Resources

_MODEL_NAME = re.compile(r"[\w.:/@+-]{1,64}", re.ASCII)
_CUT = "\n"


class McpSignal:
    """One call of the classifying tool for each request that is not remembered."""

    kind = "mcp"
    waits = True

    def __init__(
        self, client: McpClient, settings: McpCategoryModel, names: Names, catalog: Catalog
    ) -> None:
        self._client = client
        self._settings = settings
        self._names = names
        self._catalog = catalog
        self._recent = Recent[tuple[Match, ...]](settings.cache_size, settings.cache_ttl_seconds)

    @classmethod
    async def build(cls, config: Config, resources: Resources) -> McpSignal | None:
        settings = config.classifier.mcp_category_model
        if settings is None or not settings.enabled:
            return None
        return cls(resources.mcp_server(), settings, Names.of(config), resources.catalog)

    async def evaluate(self, request: InferenceRequest) -> Report:
        arguments = self._arguments(request)
        if not arguments["text"] and not arguments.get("headers"):
            return Report(self.kind, facts={"text": "empty"})
        facts = self._facts(request, arguments)
        try:
            matches, remembered = await self._matches(arguments)
        except RouterError as error:
            return Report(self.kind, facts=facts, error=error)
        return Report(self.kind, matches, {**facts, "cached": remembered})

    def _arguments(self, request: InferenceRequest) -> dict[str, Any]:
        text = request.prompt.text
        arguments: dict[str, Any] = {
            "text": self._cut(text) if not text.isspace() else "",
            "with_probabilities": True,
        }
        if self._settings.forward_headers:
            arguments["headers"] = {
                name: request.headers.get(name)
                for name in self._settings.forward_headers
                if name in request.headers
            }
        return arguments

    def _cut(self, text: str) -> str:
        """The text without its middle where it is too long: three quarters of what stays lead."""
        most = self._settings.max_text_chars
        if len(text) <= most:
            return text
        tail = most // 4
        return text[: most - tail - len(_CUT)] + _CUT + text[-tail:]

    def _facts(self, request: InferenceRequest, arguments: Mapping[str, Any]) -> dict[str, object]:
        return {
            "threshold": self._settings.threshold,
            "headers": sorted(arguments.get("headers", ())),
            "truncated": len(request.prompt.text) > self._settings.max_text_chars,
        }

    async def _matches(self, arguments: Mapping[str, Any]) -> tuple[tuple[Match, ...], bool]:
        """What the answer comes to, and whether it was remembered. Raises RouterError."""
        if not self._settings.cache_size:
            return self._read(await self._client.call(arguments)), False
        key = digest(_encoded(arguments))
        remembered = self._recent.get(key)
        if remembered is not None:
            return remembered, True
        matches = self._read(await self._client.call(arguments))
        self._recent.put(key, matches)
        return matches, False

    def _read(self, value: Mapping[str, Any]) -> tuple[Match, ...]:
        """The one finding, or none where the server names nothing. Raises ClassifierFailed."""
        categories = self._client.categories
        answer = read_answer(value, categories)
        ref = self._ref(answer)
        said = _category(answer, categories)
        category = self._names.known(said)
        if category is None and ref is None:
            _check_silence(answer, said, self._settings.threshold)
            return ()
        confidence = 1.0 if answer.confidence is None else answer.confidence
        name = category or (ref.served_name if ref else "")
        holds = confidence >= self._settings.threshold
        detail = _detail(answer, category, ref)
        return (Match(self.kind, name, confidence, holds, detail, ref),)

    def _ref(self, answer: Answer) -> ModelRef | None:
        if not answer.names_model:
            return None
        ref = self._adapter(answer) if answer.lora_name is not None else self._model(answer)
        return replace(ref, use_reasoning=bool(answer.use_reasoning))

    def _adapter(self, answer: Answer) -> ModelRef:
        adapter = self._catalog.adapters.get(answer.lora_name or "")
        if adapter is None:
            raise _unknown("lora_name", answer.lora_name, "an adapter")
        if answer.model not in (None, adapter.base, adapter.name):
            raise ClassifierFailed(
                "mcp answer: model: expected the base model of the adapter in lora_name"
            )
        return ModelRef(adapter.base, adapter.name)

    def _model(self, answer: Answer) -> ModelRef:
        ref = self._catalog.find(answer.model or "")
        if ref is None:
            raise _unknown("model", answer.model, "a model or an adapter")
        return ref


class Names:
    """The categories that routing knows, by any of the names that a server may use for them.

    A name is known as it is written, or else whatever its case; `mmlu_categories` mean their
    category, the first that has them.
    """

    def __init__(self, names: Sequence[str], labels: Mapping[str, str]) -> None:
        self._exact = frozenset(names)
        self._folded = {**labels, **{name.casefold(): name for name in reversed(names)}}

    @classmethod
    def of(cls, config: Config) -> Names:
        labels: dict[str, str] = {}
        for category in config.categories:
            for label in category.mmlu_categories:
                labels.setdefault(label.casefold(), category.name)
        named = [category.name for category in config.categories]
        return cls([*named, *names_asked_for(config, "mcp")], labels)

    def known(self, name: str | None) -> str | None:
        """The name that decisions use, or None."""
        if name is None or name in self._exact:
            return name
        return self._folded.get(name.casefold())


def _encoded(arguments: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(arguments)
    except ValueError:
        raise ClassifierFailed("the arguments of the mcp call cannot be written as json") from None


def _category(answer: Answer, categories: tuple[str, ...]) -> str | None:
    """What the server calls the category; a name goes before a number."""
    if answer.category is not None or answer.class_index is None:
        return answer.category
    if 0 <= answer.class_index < len(categories):
        return categories[answer.class_index]
    if answer.names_model or not answer.confidence:
        return None
    if not categories:
        raise ClassifierFailed(
            "mcp answer: class: expected a category by name, for the server lists none"
        )
    raise ClassifierFailed(
        f"mcp answer: class: expected a number from 0 to {len(categories) - 1}, one of the "
        "categories that the server lists"
    )


def _check_silence(answer: Answer, said: str | None, threshold: float) -> None:
    """Whether an answer without a name that is known may pass for none. Raises ClassifierFailed.

    It may where it is not sure enough to be used, and where it is not sure at all.
    """
    if not answer.confidence:
        return
    if said is None:
        raise ClassifierFailed(
            "mcp answer: category: missing, expected it, or class, lora_name or model, or "
            "confidence 0"
        )
    if answer.confidence >= threshold:
        raise ClassifierFailed("mcp server named a category that the configuration does not know")


def _detail(answer: Answer, category: str | None, ref: ModelRef | None) -> dict[str, object]:
    entropy = answer.entropy()
    values = {
        "category": category,
        "model": ref.model if ref else None,
        "lora_name": ref.lora if ref else None,
        "use_reasoning": answer.use_reasoning,
        "entropy": None if entropy is None else round(entropy, 4),
    }
    return {key: value for key, value in values.items() if value is not None}


def _unknown(field: str, name: str | None, expected: str) -> ClassifierFailed:
    # Quoted only where it can be a model's name: anything else may be the prompt's text.
    found = f"found {name!r}, " if name and _MODEL_NAME.fullmatch(name) else ""
    return ClassifierFailed(f"mcp answer: {field}: {found}expected {expected} of the configuration")
