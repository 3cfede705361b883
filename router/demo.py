"""`make demo`: the whole way of a prompt on this machine, with small backends in vLLM's place.

Starts two backends that know the configured adapters, the router and a real Envoy in front of it,
sends questions in English and Chinese through Envoy, and checks what came out at both ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import aiohttp
from rich.console import Console
from rich.table import Table

from router.config import Config, Loaded, load
from router.config.schema import Category, VllmEndpoint
from router.errors import ConfigError, RouterError
from router.request import Api
from router.testing import FakeBackend, RealEnvoy, Received, RouterProcess, on_free_ports
from router.testing.ports import is_free

_CHAT = Api.CHAT_COMPLETIONS
_SECOND = "vllm-second"
_BASELINE_RUNS = 7
_WIDTH = 140  # where there is no terminal to ask


@dataclass(frozen=True)
class Query:
    """A question, the model that the client names, and the category that it belongs to, if any."""

    text: str
    category: str | None
    model: str = "MoM"
    stream: bool = False


QUERIES = (
    Query("Explain async/await in JavaScript", "technical"),
    Query("What causes high blood pressure?", "medical"),
    Query("Is a verbal contract legally binding?", "legal"),
    Query("Recommend a novel for a long train journey", "general"),
    Query("解释 JavaScript 中的 async/await", "technical"),
    Query("高血压的原因是什么？", "medical"),
    Query("口头合同有法律效力吗？", "legal"),
    Query("推荐一本适合坐火车时看的小说", "general"),
    Query("What causes high blood pressure?", None, model="legal-lora"),
    Query("What causes high blood pressure?", "medical", stream=True),
)


@dataclass
class Row:
    """What became of one question; `faults` is empty where all was right."""

    query: Query
    endpoint: str
    received: Received
    headers: dict[str, str]
    added_ms: float
    faults: list[str] = field(default_factory=list)

    def cells(self) -> list[str]:
        """The row of the table."""
        notes = [f"asks for {self.query.model}"] * (self.query.model != "MoM")
        notes += ["streamed"] * self.query.stream
        return [
            self.query.text + (f" ({', '.join(notes)})" if notes else ""),
            self.headers.get("x-vsr-selected-category", "-"),
            self.headers.get("x-vsr-selected-confidence", "-"),
            str(self.received.json.get("model")),
            self.endpoint,
            f"{self.added_ms:.1f} ms",
            "[red]wrong[/red]" if self.faults else "[green]right[/green]",
        ]


@dataclass
class Demo:
    """Everything that runs."""

    config: Config
    backends: dict[str, FakeBackend]
    envoy: RealEnvoy
    session: aiohttp.ClientSession

    async def ask(self, query: Query, baseline: float) -> Row:
        """Send one question through Envoy and look at both ends."""
        for backend in self.backends.values():
            backend.forget()
        marked = {"x-request-id": str(uuid.uuid4())}
        started = perf_counter()
        async with self.session.post(
            self.envoy.url + _CHAT, json=_body(query), headers=marked
        ) as answer:
            body = await answer.read()
        elapsed = perf_counter() - started
        arrived = [(n, r) for n, backend in self.backends.items() for r in backend.received]
        if len(arrived) != 1:
            got = f"status {answer.status}, {body.decode(errors='replace')}"
            raise RuntimeError(f"{query.text}: {len(arrived)} requests reached a backend; {got}")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        row = Row(query, *arrived[0], headers, max(0.0, elapsed - baseline) * 1000)
        decided = (await self.envoy.logged(marked["x-request-id"])).get("decision", {})
        row.faults = [*self._faults(row, body), *_misdirected(row, decided.get("endpoint"))]
        return row

    def _faults(self, row: Row, body: bytes) -> list[str]:
        query = row.query
        category = next((c for c in self.config.categories if c.name == query.category), None)
        model = _model_of(category) if category else query.model
        prompt = category.active_system_prompt if category else None
        backend = self.backends[row.endpoint]
        checks: list[tuple[str, object, object]] = [
            ("model at the backend", row.received.json.get("model"), model),
            ("system prompt at the backend", row.received.system_prompt, prompt),
            ("x-selected-model at the backend", row.received.header("x-selected-model"), model),
            ("x-vsr-selected-model", row.headers.get("x-vsr-selected-model"), model),
            ("x-vsr-selected-category", row.headers.get("x-vsr-selected-category"), query.category),
            ("the answer's model", _answering_model(body, query.stream), model),
        ]
        if query.stream:
            whole = b"".join(backend.events(_CHAT, model))
            checks.append(("the stream, byte for byte", body == whole, True))
        return [f"{what}: found {a!r}, expected {b!r}" for what, a, b in checks if a != b]

    async def baseline(self) -> float:
        """Seconds that a backend takes when it is asked directly."""
        name, backend = next(iter(self.backends.items()))
        model = self.config.default_model
        times = []
        for _ in range(_BASELINE_RUNS):
            started = perf_counter()
            body = _body(Query(name, None, model=model))
            async with self.session.post(backend.url + _CHAT, json=body) as answer:
                await answer.read()
            times.append(perf_counter() - started)
        return statistics.median(times)

    async def warm_up(self) -> None:
        """Open Envoy's connections, so that no row pays for them."""
        for _ in range(_BASELINE_RUNS):
            async with self.session.post(self.envoy.url + _CHAT, json=_body(QUERIES[0])) as answer:
                await answer.read()


def _body(query: Query) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": query.model,
        "messages": [{"role": "user", "content": query.text}],
    }
    return {**body, "stream": True} if query.stream else body


def _model_of(category: Category) -> str:
    best = max(category.model_scores, key=lambda entry: entry.score)
    return best.lora_name or best.model


def _misdirected(row: Row, decided: str | None) -> list[str]:
    if decided == row.endpoint:
        return []
    return [f"endpoint: found {row.endpoint!r}, the router chose {decided!r}"]


def _answering_model(body: bytes, stream: bool) -> object:
    text = body.decode()
    return json.loads(text.split("\n", 1)[0].removeprefix("data: ") if stream else text)["model"]


def demo_config(loaded: Loaded, ports: Sequence[int], *, keep_listener: bool) -> Config:
    """`loaded` on free ports, with a second endpoint that serves the same models."""
    config = loaded.config
    first = config.vllm_endpoints[0]
    second = VllmEndpoint(name=_SECOND, address="127.0.0.1", port=ports[1])
    names = (first.name, second.name)
    models = {
        name: model.model_copy(update={"preferred_endpoints": names})
        for name, model in config.models.items()
    }
    derived = config.model_copy(
        update={
            "classifier": _with_absolute_paths(loaded),
            "vllm_endpoints": (first, second),
            "models": models,
        }
    )
    derived = on_free_ports(derived, ports)
    if not keep_listener:
        return derived
    envoy = derived.envoy.model_copy(update={"listen": config.envoy.listen})
    return derived.model_copy(update={"envoy": envoy})


def _with_absolute_paths(loaded: Loaded) -> object:
    """The classifier's settings, for a configuration file that lies elsewhere."""
    classifier = loaded.config.classifier
    if classifier.category_model is None or loaded.classifier is None:
        return classifier
    mapping = loaded.classifier.mapping
    paths = {
        "model_id": str(loaded.classifier.directory.resolve()),
        "category_mapping_path": str(mapping.resolve()) if mapping else None,
    }
    model = classifier.category_model.model_copy(update=paths)
    return classifier.model_copy(update={"category_model": model})


@asynccontextmanager
async def running(loaded: Loaded, *, keep_listener: bool = False) -> AsyncIterator[Demo]:
    """The demo's servers, until the block ends."""
    base = next(iter(loaded.config.models))
    adapters = [lora.name for lora in loaded.config.models[base].loras]
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lora-router-")))
        backends = [await stack.enter_async_context(FakeBackend(base, adapters)) for _ in range(2)]
        ports = [backend.port for backend in backends]
        config = demo_config(loaded, ports, keep_listener=keep_listener)
        await stack.enter_async_context(RouterProcess(config, directory))
        envoy = await stack.enter_async_context(RealEnvoy(config, directory))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        names = [endpoint.name for endpoint in config.vllm_endpoints]
        yield Demo(config, dict(zip(names, backends, strict=True)), envoy, session)


async def run(path: Path, *, serve: bool, console: Console) -> int:
    """Run the demo; 0 where every row is right."""
    loaded = load(path)
    keep = serve and is_free(loaded.config.envoy.listen)
    console.print("starting two backends, the router and Envoy ...")
    async with running(loaded, keep_listener=keep) as demo:
        await demo.warm_up()
        baseline = await demo.baseline()
        rows = [await demo.ask(query, baseline) for query in QUERIES]
        show(rows, console)
        if serve:
            await _serve(demo, console)
    return int(any(row.faults for row in rows))


def show(rows: Sequence[Row], console: Console) -> None:
    """Print the table, what was wrong, and the sum."""
    table = Table()
    table.add_column("query", ratio=1)
    for name in ("category", "confidence", "model at the backend", "endpoint"):
        table.add_column(name, no_wrap=True)
    table.add_column("added latency", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in rows:
        table.add_row(*row.cells())
    console.print(table)
    for row in rows:
        for fault in row.faults:
            console.print(f"[red]{row.query.text}[/red]: {fault}", highlight=False)
    right = sum(not row.faults for row in rows)
    console.print(f"{right} of {len(rows)} rows are right")


async def _serve(demo: Demo, console: Console) -> None:
    port = demo.config.envoy.listen.rpartition(":")[2]
    body = json.dumps(_body(QUERIES[1]), ensure_ascii=False)
    console.print(
        f"Envoy listens on http://localhost:{port}, its admin interface on "
        f"http://{demo.config.envoy.admin}, the router's on http://{demo.config.server.admin}; "
        "Ctrl-C stops them. Try:\n\n"
        f"  curl -i http://localhost:{port}{_CHAT.value} \\\n"
        f"    -H 'Content-Type: application/json' -d '{body}'\n",
        highlight=False,
        soft_wrap=True,
    )
    await asyncio.Event().wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo from the command line; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m router.demo", description=__doc__)
    parser.add_argument("--serve", action="store_true", help="keep running until Ctrl-C")
    parser.add_argument("-c", "--config", type=Path, default=Path("config/config.yaml"))
    options = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    try:
        return asyncio.run(run(options.config, serve=options.serve, console=console))
    except ConfigError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 2
    except (RouterError, RuntimeError, TimeoutError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0 if options.serve else 130


if __name__ == "__main__":
    sys.exit(main())
