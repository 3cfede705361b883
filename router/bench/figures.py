"""What the router adds to requests through Envoy: the questions, each answered with a figure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import aiohttp
import psutil

from router.bench.ground import Ground, chat_body, question
from router.bench.measure import Figure
from router.config import Config
from router.encoder.onnx import OnnxModel
from router.testing import RealEnvoy, RouterProcess, on_free_ports

SIXTEEN_TOKENS, SHORT, LONG = 80, 200, 220_000  # prompts, in bytes
_WARM_UP = 50
_OPENING_AT_ONCE = 64  # client and backend share one thread: more would measure them
_MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Added:
    """Median seconds that a processor adds to plain Envoy, measured turn by turn."""

    noop: float
    router: float


Turn = Callable[[], None]


async def added_latency(
    ground: Ground, model: str, rounds: int, each_turn: Turn = lambda: None
) -> Added:
    """What the do-nothing processor and the router add at concurrency 1, to sixteen tokens."""
    envoys = (ground.plain, ground.noop, ground.routed)
    samples: list[list[float]] = [[], [], []]
    for turn in range(_WARM_UP + rounds):
        each_turn()
        ground.backend.forget()  # it shares our memory, and what it keeps would slow us both
        for envoy, taken in zip(envoys, samples, strict=True):
            seconds = await ground.ask(envoy, model, SIXTEEN_TOKENS)
            if turn >= _WARM_UP:
                taken.append(seconds)
    plain, noop, routed = map(median, samples)
    return Added(noop - plain, routed - plain)


async def named_model(ground: Ground, rounds: int) -> Figure:
    added = await added_latency(ground, "medical-lora", rounds)
    return Figure(
        "added latency, client names the model, concurrency 1",
        _ratio(added.router, added.noop),
        1.3,
        "x do-nothing",
        f"router {_ms(added.router)}, do-nothing {_ms(added.noop)}",
    )


async def classified(ground: Ground, rounds: int, model_directory: Path) -> Figure:
    """Above the do-nothing processor, in passes of the bare ONNX session over 16 tokens.

    One bare pass is timed between the requests of each turn: in a loop of its own it would find
    caches and clocks that no served request finds.
    """
    bare = BareSession(model_directory)
    added = await added_latency(ground, "MoM", rounds, bare.run)
    run = median(bare.samples)
    return Figure(
        "added latency with domain classification, above do-nothing",
        _ratio(added.router - added.noop, run),
        1.5,
        "x bare session run",
        f"router {_ms(added.router)}, do-nothing {_ms(added.noop)}, one bare thread {_ms(run)}",
    )


class BareSession:
    """One forward pass over 16 tokens on one thread, and nothing around it."""

    def __init__(self, model_directory: Path) -> None:
        self._model = OnnxModel.load(model_directory)
        self._tokens = self._model.tokenize(question())
        self.samples: list[float] = []

    def run(self) -> None:
        started = perf_counter()
        self._model.run_tokens([self._tokens])
        self.samples.append(perf_counter() - started)


async def long_prompts(ground: Ground, rounds: int, concurrency: int = 32) -> Figure:
    """What a long prompt costs beside a short one when many come at once."""
    short = await _added_under_load(ground, SHORT, rounds, concurrency)
    long = await _added_under_load(ground, LONG, rounds, concurrency)
    return Figure(
        f"added p50 of a 220 KB prompt, concurrency {concurrency}",
        _ratio(long, short),
        5.0,
        "x a 200-byte prompt",
        f"220 KB {_ms(long)}, 200 bytes {_ms(short)}",
    )


async def _added_under_load(ground: Ground, size: int, rounds: int, concurrency: int) -> float:
    routed = await _median_under_load(ground, ground.routed, size, rounds, concurrency)
    plain = await _median_under_load(ground, ground.plain, size, rounds, concurrency)
    return routed - plain


async def _median_under_load(
    ground: Ground, envoy: RealEnvoy, size: int, rounds: int, concurrency: int
) -> float:
    async def caller() -> list[float]:
        return [await ground.ask(envoy, "MoM", size) for _ in range(rounds)]

    samples = await asyncio.gather(*(caller() for _ in range(concurrency)))
    ground.backend.forget()
    return median(seconds for taken in samples for seconds in taken)


async def large_body(ground: Ground, megabytes: int = 16, times: int = 4) -> Figure:
    """What the router's resident memory grows by while large bodies come one after another."""
    process = psutil.Process(ground.router.process.pid)
    before = process.memory_info().rss
    for _ in range(times):
        await ground.ask(ground.routed, "MoM", megabytes * _MEBIBYTE)
        ground.backend.forget()
    grown = process.memory_info().rss - before
    return Figure(
        f"memory growth over {times} bodies of {megabytes} MB, all answered 200",
        grown / _MEBIBYTE,
        megabytes * 10,
        "MB",
    )


async def open_streams(ground: Ground, streams: int = 2000) -> Sequence[Figure]:
    """Held SSE answers: how many fail, and how many ext_proc streams stay open for them."""
    ground.backend.stream_gate.clear()
    turnstile = asyncio.Semaphore(_OPENING_AT_ONCE)
    opened = await asyncio.gather(*(_open_stream(ground, turnstile) for _ in range(streams)))
    left_open = await _left_open(ground.routed)
    ground.backend.stream_gate.set()
    statuses = [response.status for response in opened]
    await asyncio.gather(*(response.read() for response in opened))
    failed = sum(status != 200 for status in statuses)
    return (
        Figure(f"failures among {streams} open SSE answers", failed, 0, ""),
        Figure("ext_proc streams left open for them", left_open, 0, ""),
    )


async def _left_open(envoy: RealEnvoy, patience: float = 5.0) -> int:
    """How many ext_proc streams stay open; those being closed are given `patience` seconds."""
    deadline = perf_counter() + patience
    while True:
        stats = await envoy.stats("ext_proc")
        started, closed = (
            sum(value for name, value in stats.items() if name.endswith(end))
            for end in ("streams_started", "streams_closed")
        )
        if started == closed or perf_counter() > deadline:
            return started - closed
        await asyncio.sleep(0.05)


async def _open_stream(ground: Ground, turnstile: asyncio.Semaphore) -> aiohttp.ClientResponse:
    body = chat_body("MoM", SIXTEEN_TOKENS)[:-1] + b', "stream": true}'
    async with turnstile:
        return await ground.session.post(
            f"{ground.routed.url}/v1/chat/completions",
            data=body,
            headers={"content-type": "application/json"},
        )


def _ratio(measured: float, reference: float) -> float:
    return measured / reference if reference > 0 else float("nan")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


async def startup(config: Config, directory: Path) -> Sequence[Figure]:
    """How long a fresh process takes until it is ready, and its resident memory then."""
    router = RouterProcess(on_free_ports(config), directory)
    started = perf_counter()
    async with router:
        seconds = perf_counter() - started
        memory = psutil.Process(router.process.pid).memory_info().rss / _MEBIBYTE
    return (
        Figure("start to SERVING", seconds, 3.0, "s"),
        Figure("resident memory when serving", memory, 350.0, "MB"),
    )
