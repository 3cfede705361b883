"""`lora-router adapters`: which adapters the endpoints have; load them, unload them.

Knows the command's arguments; leaves what servers are told to `endpoints.adapters`, which of them
are meant to `targets`, what they said to `listing` and `change`, and how it looks to `text`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from router.adapters.change import Change
    from router.adapters.listing import Listing
    from router.adapters.targets import Wanted
    from router.catalog import Catalog, Endpoint
    from router.config import Loaded
    from router.endpoints.adapters import AdapterClient, Outcome

    Request = Callable[[AdapterClient, Endpoint], Awaitable[Outcome]]
    Choose = Callable[[Catalog, Wanted], Sequence[Endpoint]]

__all__ = ["add_arguments", "main"]

_LIST_SECONDS = 5.0
_CHANGE_SECONDS = 60.0  # an adapter may have to be downloaded
_MAX_SECONDS = 3600.0
_MAX_PATH = 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `main` reads, but for the `config` before an action."""
    _add_answer(parser, _LIST_SECONDS)
    parser.set_defaults(act=_list, json=False, timeout=None)
    actions = parser.add_subparsers(
        title="actions", metavar="ACTION", description="without one: list what the endpoints have"
    )
    load = actions.add_parser("load", help="load an adapter on the endpoints of its base model")
    load.add_argument("name", type=_name, metavar="NAME", help="what clients are to call it")
    load.add_argument(
        "path", type=_path, metavar="PATH", help="where the servers, not this machine, find it"
    )
    _add_place(load)
    load.set_defaults(act=_load)
    unload = actions.add_parser("unload", help="unload an adapter")
    unload.add_argument("name", type=_name, metavar="NAME", help="the adapter's name")
    _add_place(unload)
    unload.set_defaults(act=_unload)


def _add_place(action: argparse.ArgumentParser) -> None:
    action.add_argument("--base", metavar="MODEL", help="the base model, if the file has none")
    action.add_argument(
        "--endpoint",
        metavar="NAME",
        action="append",
        default=[],
        help="an endpoint, any number of times (default: all of the base model)",
    )
    action.add_argument(
        "-c", "--config", type=Path, default=argparse.SUPPRESS, help="configuration file"
    )
    _add_answer(action, _CHANGE_SECONDS)


def _add_answer(parser: argparse.ArgumentParser, seconds: float) -> None:
    """Options that may stand before an action and after it: no default of the one's undoes what
    was said to the other."""
    parser.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="the answer as JSON"
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        default=argparse.SUPPRESS,
        help=f"how long a server may take to answer (default: {seconds:g})",
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected seconds, up to 3600")
    return seconds


def _name(text: str) -> str:
    from router.config.texts import header_safe

    try:
        return header_safe(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _path(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > _MAX_PATH:
        raise argparse.ArgumentTypeError(
            f"found {text[:60]!r}, expected a path in printable characters"
        )
    return text


def main(options: argparse.Namespace) -> int:
    """Do it: 0 if all endpoints are as they should be, 1 if not, 2 if that makes no sense.

    Raises ConfigError.
    """
    status: int = options.act(options)
    return status


def _list(options: argparse.Namespace) -> int:
    from router.adapters.listing import account
    from router.adapters.text import listed

    loaded, catalog = _read(options)
    listings = asyncio.run(_ask(options, loaded, catalog))
    if options.json:
        _print_json(account(listings, loaded.version))
    else:
        print("\n".join(listed(listings)), flush=True)
    return 0 if all(listing.complete for listing in listings) else 1


async def _ask(options: argparse.Namespace, loaded: Loaded, catalog: Catalog) -> list[Listing]:
    from router.adapters.listing import ask

    async with _client(options, loaded, _LIST_SECONDS) as client:
        asked = (ask(client, catalog, endpoint) for endpoint in catalog.endpoints.values())
        return await asyncio.gather(*asked)


def _load(options: argparse.Namespace) -> int:
    from router.adapters.targets import to_load

    return _change(options, to_load, lambda client, at: client.load(at, options.name, options.path))


def _unload(options: argparse.Namespace) -> int:
    from router.adapters.targets import to_unload

    return _change(options, to_unload, lambda client, at: client.unload(at, options.name))


def _change(options: argparse.Namespace, choose: Choose, request: Request) -> int:
    from router.adapters.change import account
    from router.adapters.targets import Misdirected, Wanted
    from router.adapters.text import changed

    loaded, catalog = _read(options)
    try:
        endpoints = choose(catalog, Wanted(options.name, options.base, tuple(options.endpoint)))
    except Misdirected as error:
        print(f"lora-router adapters: {error}", file=sys.stderr)
        return 2
    changes = asyncio.run(_request(options, loaded, endpoints, request))
    if options.json:
        _print_json(account(options.name, changes, loaded.version))
    else:
        print("\n".join(changed(changes)), flush=True)
    return 0 if all(change.error is None for change in changes) else 1


async def _request(
    options: argparse.Namespace, loaded: Loaded, endpoints: Sequence[Endpoint], request: Request
) -> list[Change]:
    from router.adapters.change import attempt

    async with _client(options, loaded, _CHANGE_SECONDS) as client:
        return await asyncio.gather(*(attempt(at, request(client, at)) for at in endpoints))


def _read(options: argparse.Namespace) -> tuple[Loaded, Catalog]:
    """The configuration; the models that classify are not asked for."""
    from router.compilation import compile_catalog
    from router.config import load

    loaded = load(options.config, check_files=False)
    return loaded, compile_catalog(loaded.config)


def _client(options: argparse.Namespace, loaded: Loaded, seconds: float) -> AdapterClient:
    from router.endpoints.adapters import AdapterClient

    return AdapterClient(
        timeout=options.timeout or seconds, headers=loaded.config.live_view.headers
    )


def _print_json(account: dict[str, Any]) -> None:
    print(json.dumps(account, ensure_ascii=False, indent=2), flush=True)
