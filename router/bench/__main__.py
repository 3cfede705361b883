"""`make bench`: every measurement in one table; exit 1 where a figure misses its limit."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from router.bench.figures import (
    classified,
    large_body,
    long_prompts,
    named_model,
    open_streams,
    startup,
)
from router.bench.ground import prepared
from router.bench.inside import inside
from router.bench.measure import Figure
from router.config import load

_PARTS = ("all", "inside", "envoy")


def main() -> int:
    options = _options()
    found = asyncio.run(_measure(options))
    if options.json:
        print(json.dumps([{**asdict(f), "holds": f.holds} for f in found], indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else 140).print(_table(found))
    return 0 if all(figure.holds for figure in found) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m router.bench", description=__doc__)
    parser.add_argument("-c", "--config", type=Path, default=Path("config/config.yaml"))
    parser.add_argument(
        "--keywords",
        type=Path,
        default=Path("config/keyword-compliance.yaml"),
        metavar="CONFIG",
        help="a configuration whose keyword rules alone decide",
    )
    parser.add_argument(
        "--part",
        choices=_PARTS,
        default="all",
        help="inside: signals and decisions, in half a minute; envoy: what is added to requests",
    )
    parser.add_argument("--rounds", type=int, default=500, help="samples at concurrency 1")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


async def _measure(options: argparse.Namespace) -> list[Figure]:
    found = []
    async for figure in _figures(options):
        print(f"measured: {figure.name}", file=sys.stderr)
        found.append(figure)
    return found


async def _figures(options: argparse.Namespace) -> AsyncIterator[Figure]:
    if options.part != "envoy":
        async for figure in inside(options.keywords):
            yield figure
    if options.part != "inside":
        async for figure in _added(options.config, options.rounds):
            yield figure


async def _added(path: Path, rounds: int) -> AsyncIterator[Figure]:
    loaded = load(path)
    with tempfile.TemporaryDirectory(prefix="lora-bench-start-") as directory:
        for figure in await startup(loaded.config, Path(directory)):
            yield figure
    async with prepared(path) as ground:
        yield await named_model(ground, rounds)
        if loaded.classifier:
            yield await classified(ground, rounds, loaded.classifier.directory)
        yield await long_prompts(ground, max(rounds // 25, 4))
        yield await large_body(ground)
        for figure in await open_streams(ground):
            yield figure


def _table(found: list[Figure]) -> Table:
    table = Table(title="lora-router bench")
    for heading in ("figure", "value", "limit", "unit", "", "made of"):
        table.add_column(heading)
    for f in found:
        mark = "ok" if f.holds else "MISSED"
        table.add_row(f.name, f"{f.value:.2f}", f.bound, f.unit, mark, f.detail)
    return table


if __name__ == "__main__":
    sys.exit(main())
