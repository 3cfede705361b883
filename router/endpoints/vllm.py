"""What a vLLM server says of itself: its metrics page and its model list, read with suspicion.

Of the metrics page only a handful of lines is read, for it has thousands. Numbers that make no
sense count as not said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

MAX_PAGE_BYTES = 8 * 1024 * 1024

_GAUGES = {
    "vllm:num_requests_waiting": "waiting",
    "vllm:num_requests_running": "running",
    "vllm:kv_cache_usage_perc": "cache_usage",
    "vllm:gpu_cache_usage_perc": "cache_usage",  # its name before vLLM 0.10
}
_LORA = "vllm:lora_requests_info"
_LINE = re.compile(
    rf"^({'|'.join(map(re.escape, (*_GAUGES, _LORA)))})(?:\{{(.*)\}})?[ \t]+(\S+)", re.MULTILINE
)
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Load:
    """One reading of a metrics page; None where the page does not say.

    `active` are the adapters of requests that run or wait, `max_lora` how many fit into memory.
    `cache_usage` is 0..1.
    """

    waiting: float | None = None
    running: float | None = None
    cache_usage: float | None = None
    active: frozenset[str] = frozenset()
    max_lora: int | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """The models of a server, adapters included, and the base model of each adapter."""

    names: frozenset[str]
    parents: dict[str, str]


def read_metrics(page: str) -> Load:
    """The load on a metrics page. Engines of one server (data parallel) are added up."""
    gauges: dict[str, float] = {}
    newest: tuple[float, dict[str, str]] = (-math.inf, {})
    for name, labels, value in _samples(page):
        if name != _LORA:
            key = _GAUGES[name]
            gauges[key] = (
                max(gauges.get(key, 0.0), value)
                if key == "cache_usage"
                else (gauges.get(key, 0.0) + value)
            )
        elif value > newest[0]:
            # A series for each combination of labels there ever was; the value is when.
            newest = (value, dict(_LABEL.findall(labels)))
    return Load(
        gauges.get("waiting"),
        gauges.get("running"),
        gauges.get("cache_usage"),
        _active(newest[1]),
        _whole(newest[1].get("max_lora", "")),
    )


def _samples(page: str) -> Iterator[tuple[str, str, float]]:
    for match in _LINE.finditer(page):
        try:
            value = float(match[3])
        except ValueError:
            continue
        if math.isfinite(value) and value >= 0:
            yield match[1], match[2] or "", value


def _active(labels: dict[str, str]) -> frozenset[str]:
    """Newer servers write the same names under both labels: the union counts each once."""
    both = f"{labels.get('running_lora_adapters', '')},{labels.get('waiting_lora_adapters', '')}"
    return frozenset(name.strip() for name in both.split(",") if name.strip())


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


class _Card(msgspec.Struct):
    id: str
    parent: str | None = None


class _Cards(msgspec.Struct):
    data: list[_Card]


_CARDS = msgspec.json.Decoder(_Cards)


def read_models(body: bytes) -> Served:
    """The answer of `/v1/models`. Raises ValueError where it is none."""
    try:
        cards = _CARDS.decode(body).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("the answer is no list of models") from error
    parents = {card.id: card.parent for card in cards if card.parent}
    return Served(frozenset(card.id for card in cards), parents)
