"""The command `mcp-tenant-router`: serve, seed, add, remove, list, adapters.

Exit status: 0 done, 1 the tenant is not there, 2 the arguments or the database are wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tenant_router.answers import TENANT_HEADER, USER_HEADER, HeaderNames
from tenant_router.database import open_database
from tenant_router.errors import BadInput, TenantRouterError
from tenant_router.tenant import Tenant, require_name

_LARGEST_SHARE = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except TenantRouterError as error:
        print(f"mcp-tenant-router: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mcp-tenant-router", description="An MCP server that knows each tenant's LoRA adapter."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_serve, _add_seed, _add_add, _add_remove, _add_list, _add_adapters):
        add(commands)
    return parser


_Commands = Any  # argparse keeps the type of its subparsers private


def _command(commands: _Commands, name: str, text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    command.add_argument(
        "--database",
        default=os.environ.get("TENANT_DATABASE", "tenants.db"),
        metavar="PATH|URL",
        help="a SQLite file, or postgresql://… (default: $TENANT_DATABASE, else tenants.db)",
    )
    return command


def _add_serve(commands: _Commands) -> None:
    command = _command(commands, "serve", "answer the router over MCP")
    command.add_argument("--transport", choices=("stdio", "http"), default="stdio")
    command.add_argument("--host", default="127.0.0.1", help="for http (default: 127.0.0.1)")
    command.add_argument("--port", type=int, default=8090, help="for http (default: 8090)")
    command.add_argument("--tenant-header", default=TENANT_HEADER, metavar="NAME")
    command.add_argument("--user-header", default=USER_HEADER, metavar="NAME")
    command.set_defaults(run=_serve)


def _add_seed(commands: _Commands) -> None:
    command = _command(commands, "seed", "make the tables and sample tenants")
    command.add_argument("--tenants", type=_count, default=1000, metavar="N", help="(default 1000)")
    command.set_defaults(run=_seed)


def _add_add(commands: _Commands) -> None:
    command = _command(commands, "add", "add a tenant, or write it anew")
    command.add_argument("tenant")
    command.add_argument(
        "adapter", nargs="+", metavar="ADAPTER[=SHARE]", help="with shares: an A/B test"
    )
    command.add_argument("--model", help="the adapters' base model")
    command.add_argument(
        "--reasoning", action=argparse.BooleanOptionalAction, help="whether the model is to reason"
    )
    command.add_argument("--inactive", action="store_true", help="known, but not served")
    command.set_defaults(run=_add)


def _add_remove(commands: _Commands) -> None:
    command = _command(commands, "remove", "forget a tenant")
    command.add_argument("tenant")
    command.set_defaults(run=_remove)


def _add_list(commands: _Commands) -> None:
    _command(commands, "list", "print the tenants").set_defaults(run=_list)


def _add_adapters(commands: _Commands) -> None:
    text = "print the adapters as the router's configuration lists them"
    _command(commands, "adapters", text).set_defaults(run=_adapters)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > 1_000_000:
        raise argparse.ArgumentTypeError(f"expected 0 to 1000000, found {text!r}")
    return int(text)


def _serve(options: argparse.Namespace) -> int:
    asyncio.run(_serve_until_stopped(options))
    return 0


async def _serve_until_stopped(options: argparse.Namespace) -> None:
    from tenant_router.server import build_server
    from tenant_router.transports import serve_http, serve_stdio

    names = HeaderNames(options.tenant_header.lower(), options.user_header.lower())
    async with open_database(options.database).reader() as find:
        server = build_server(find, names)
        if options.transport == "stdio":
            await serve_stdio(server)
        else:
            token = os.environ.get("TENANT_ROUTER_TOKEN", "")
            await serve_http(server, options.host, options.port, token)


def _seed(options: argparse.Namespace) -> int:
    database = open_database(options.database)
    database.create()
    with database.edit() as table:
        written = table.seed(_samples(options.tenants))
    print(f"added {written} of {options.tenants} tenants; the others were there")
    return 0


def _samples(count: int) -> Iterator[Tenant]:
    """tenant-0001 with tenant-0001-lora, and so on."""
    for number in range(1, count + 1):
        yield Tenant(f"tenant-{number:04}", {f"tenant-{number:04}-lora": 1.0})


def _add(options: argparse.Namespace) -> int:
    tenant = Tenant(
        require_name("tenant", options.tenant),
        _shares(options.adapter),
        model=None if options.model is None else require_name("model", options.model),
        use_reasoning=options.reasoning,
        active=not options.inactive,
    )
    with open_database(options.database).edit() as table:
        table.put([tenant])
    return 0


def _shares(adapters: Sequence[str]) -> Mapping[str, float]:
    """`a=80` and `b=20` as shares by name; a share that is not given is 1. Raises BadInput."""
    shares = {}
    for text in adapters:
        name, equals, share = text.rpartition("=")
        shares[require_name("adapter", name if equals else text)] = _share(share) if equals else 1.0
    if len(shares) < len(adapters):
        raise BadInput("adapter: expected each one once")
    return shares


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= _LARGEST_SHARE:
        raise BadInput(f"share: expected a number above 0, found {text!r}")
    return share


def _remove(options: argparse.Namespace) -> int:
    with open_database(options.database).edit() as table:
        known = table.remove(options.tenant)
    if not known:
        print("mcp-tenant-router: no such tenant", file=sys.stderr)
    return 0 if known else 1


def _list(options: argparse.Namespace) -> int:
    for tenant in _tenants(options):
        print(_line(tenant))
    return 0


def _line(tenant: Tenant) -> str:
    shares = " ".join(f"{adapter}={share:g}" for adapter, share in tenant.shares.items())
    state = "active" if tenant.active else "inactive"
    return "\t".join((tenant.tenant_id, state, shares, tenant.model or ""))


def _adapters(options: argparse.Namespace) -> int:
    for name in sorted({adapter for tenant in _tenants(options) for adapter in tenant.shares}):
        print(f"      - name: {json.dumps(name, ensure_ascii=False)}")
    return 0


def _tenants(options: argparse.Namespace) -> list[Tenant]:
    with open_database(options.database).edit() as table:
        return list(table)
