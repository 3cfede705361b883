"""Meanings with hand-made vectors, and what builds signals on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.catalog import Catalog
from router.config import Config
from router.encoder import Encoder
from router.request import Api, InferenceRequest, Prompt, Turn
from router.testing import FakeEncoder

# Axes: devices, leave, money, and what is none of them.
VECTORS: Mapping[str, Sequence[float]] = {
    "laptop": [1, 0, 0, 0],
    "printer": [0.8, 0, 0, 0.6],
    "holiday": [0, 1, 0, 0],
    "sick": [0, 0.6, 0, 0.8],
    "invoice": [0, 0, 1, 0],
    "my pc is dead": [0.96, 0.28, 0, 0],
    "days off": [0, 0.96, 0.28, 0],
    "poem": [0, 0, 0, 1],
    "halfway": [0.6, 0.8, 0, 0],
}

WIDTH = 4


def encoder(**settings: Any) -> FakeEncoder:
    return FakeEncoder({}, vectors=VECTORS, **settings)


def config(**sections: Any) -> Config:
    """A configuration with a category model, as a file would write it."""
    return Config.model_validate(
        {
            "classifier": {"category_model": {"model_id": "model", "timeout_ms": 250}},
            "vllm_endpoints": [{"name": "one", "address": "127.0.0.1", "port": 8000}],
            "model_config": {"base": {}},
            "default_model": "base",
            **sections,
        }
    )


def category(name: str, description: str = "", **fields: Any) -> dict[str, Any]:
    scores = [{"model": "base", "score": 1.0}]
    return {"name": name, "description": description, "model_scores": scores, **fields}


def saying(text: str) -> InferenceRequest:
    return InferenceRequest(Api.CHAT_COMPLETIONS, "auto", Prompt((Turn("user", text),)))


def blank() -> InferenceRequest:
    """A request whose only text is blanks."""
    return InferenceRequest(Api.CHAT_COMPLETIONS, "auto", Prompt(system=" \n"))


class Server:
    """An MCP server's client that only lists."""

    def __init__(self, *categories: str) -> None:
        self.categories = categories

    async def call(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        raise AssertionError("nobody asks it to classify")


class Shelf:
    """Resources that hold one encoder for everything, and perhaps an MCP server."""

    def __init__(
        self, model: Encoder, labels: Encoder | None = None, server: Server | None = None
    ) -> None:
        self._model, self._labels, self._server = model, labels or model, server

    @property
    def catalog(self) -> Catalog:
        raise AssertionError("not needed")

    def category_model(self) -> Encoder:
        return self._labels

    def embedding_model(self) -> Encoder:
        return self._model

    def mcp_server(self) -> Server:
        assert self._server is not None
        return self._server
