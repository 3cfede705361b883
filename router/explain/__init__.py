"""`lora-router explain`: where requests would go, and why.

Knows the command's arguments; leaves what is asked to `asked` and `prompts`, the answer to
`account`, and how it looks to `text` and `table`. What needs a model is imported when the command
runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from router.config import Loaded
    from router.explain.asked import Asked
    from router.explain.prompts import Row
    from router.request import InferenceRequest
    from router.snapshot import Snapshot

__all__ = ["add_arguments", "main"]

_STDIN = "-"
_WIDTH = 140  # where there is no terminal to ask


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `main` reads, but for `config`."""
    parser.add_argument("text", nargs="?", help="the prompt")
    parser.add_argument(
        "--body", metavar="FILE", help="in place of a prompt, a request's whole body; -: stdin"
    )
    parser.add_argument(
        "--file", metavar="FILE", help="prompts, one a line, or rows of a .jsonl; -: stdin"
    )
    parser.add_argument("--model", help="the model that the client names (default: auto)")
    parser.add_argument("--user", help="the user that the client names")
    parser.add_argument("--system", metavar="TEXT", help="the client's own system prompt")
    parser.add_argument(
        "--header",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a header of the request, any number of times; credentials never reach the router",
    )
    parser.add_argument("--path", help="where the client posts to (default: /v1/chat/completions)")
    parser.add_argument("--json", action="store_true", help="the whole account as JSON")


def main(options: argparse.Namespace) -> int:
    """Print where the requests would go: 2 if they cannot be read, 1 if the one is refused.

    Raises ConfigError, ModelFilesError.
    """
    from router.config import load

    if sum(given is not None for given in (options.text, options.body, options.file)) != 1:
        return _fail(["lora-router explain: expected a prompt, or --body, or --file"], 2)
    try:
        asked = _asked(options)
        loaded = load(options.config)
        if options.file is not None:
            return _explain_file(options, loaded, asked)
        request = _read(loaded, asked)
    except _Unreadable as error:
        return _fail([f"lora-router explain: {error}"], 2)
    return asyncio.run(_explain_one(loaded, request, options.json))


class _Unreadable(Exception):
    """The command line, or the body that it names, is no request."""


def _asked(options: argparse.Namespace) -> Asked:
    """What the options say; of a file, what holds for all its rows."""
    from msgspec import UNSET, Raw

    from router.explain.asked import Asked

    return Asked(
        text=UNSET if options.text is None else options.text,
        body=UNSET if options.body is None else Raw(_contents(options.body)),
        model=options.model,
        user=options.user,
        system=options.system,
        headers=_headers(options.header),
        path=options.path,
    )


def _contents(source: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if source == _STDIN else Path(source).read_bytes()
    except OSError as error:
        raise _Unreadable(f"{source}: {(error.strerror or str(error)).lower()}") from None


def _headers(pairs: Sequence[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise _Unreadable("--header: expected NAME=VALUE")
        if name.lower() in headers:
            raise _Unreadable(f"--header: {name} is there twice")
        headers[name.lower()] = value
    return headers


def _read(loaded: Loaded, asked: Asked) -> InferenceRequest:
    from router.errors import ClientError

    try:
        return _request(loaded, asked)
    except ClientError as error:
        raise _Unreadable(str(error)) from None


def _request(loaded: Loaded, asked: Asked) -> InferenceRequest:
    config = loaded.config
    return asked.request(
        auto_name=config.auto_names[0], max_body_bytes=config.server.max_body_bytes
    )


async def _explain_one(loaded: Loaded, request: InferenceRequest, as_json: bool) -> int:
    from router.explain.account import explain
    from router.explain.text import render

    async with _compiled(loaded) as snapshot:
        account = await explain(snapshot, request)
    refused = account["status"] is not None
    if as_json:
        print(json.dumps(account, ensure_ascii=False, indent=2), flush=True)
    elif not refused or account["signals"]:
        print("\n".join(render(account)), flush=True)
    return _fail([f"lora-router: {account['error']}"], 1) if refused else 0


def _explain_file(options: argparse.Namespace, loaded: Loaded, given: Asked) -> int:
    from router.explain.prompts import read_prompts

    prompts = read_prompts(options.file, given, partial(_request, loaded))
    if prompts.problems:
        return _fail(prompts.complaints(), 2)
    asyncio.run((_write_lines if options.json else _write_table)(loaded, prompts.rows))
    return 0


async def _write_lines(loaded: Loaded, rows: Sequence[Row]) -> None:
    from router.explain.account import explain

    async with _compiled(loaded) as snapshot:
        for row in rows:
            account = {"line": row.line, **await explain(snapshot, row.request)}
            print(json.dumps(account, ensure_ascii=False), flush=True)


async def _write_table(loaded: Loaded, rows: Sequence[Row]) -> None:
    from router.explain.account import explain
    from router.explain.table import cells, table

    async with _compiled(loaded) as snapshot:
        lines = [
            cells(row.request.prompt.text, await explain(snapshot, row.request)) for row in rows
        ]
    print("\n".join(table(lines, shutil.get_terminal_size((_WIDTH, 0)).columns)), flush=True)


@asynccontextmanager
async def _compiled(loaded: Loaded) -> AsyncIterator[Snapshot]:
    """The configuration, ready to route: models are warm, so that times are those of a server."""
    from router.holdings import Holdings
    from router.snapshot import compile_snapshot

    holdings = Holdings()
    with _silence():
        try:
            yield await compile_snapshot(loaded, holdings)
        finally:
            await holdings.close()


@contextmanager
def _silence() -> Iterator[None]:
    """No log lines between those of the account, which holds every failure itself."""
    import structlog

    before: dict[str, Any] = structlog.get_config()
    disabled = logging.root.manager.disable
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(disabled)
        structlog.configure(**before)


def _fail(lines: Sequence[str], status: int) -> int:
    print("\n".join(lines), file=sys.stderr)
    return status
