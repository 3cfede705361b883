"""Clients that are closed after the test, and servers to connect them to."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from router.config.classifier import McpCategoryModel
from router.mcp_client import McpServer
from router.mcp_client.pauses import Patience
from tests.mcp_client.http_server import HttpServer

HERE = Path(__file__).parent
SOON = 20.0
HURRIED = Patience(first_pause=0.01, longest_pause=0.02)

Connect = Callable[..., Awaitable[McpServer]]


def stdio(*options: str, **settings: Any) -> McpCategoryModel:
    """Settings for the scripted server."""
    args = ("-I", "-S", str(HERE / "stdio_server.py"), *options)
    return configured(command=sys.executable, args=args, **settings)


def configured(**settings: Any) -> McpCategoryModel:
    return McpCategoryModel(**{"enabled": True, "timeout_seconds": SOON, **settings})


async def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Start a client; it has tried to connect once when it is returned."""
    clients: list[McpServer] = []

    async def make(settings: McpCategoryModel, **options: Any) -> McpServer:
        client = McpServer(settings, **{"patience": HURRIED, **options})
        clients.append(client)
        client.start()
        await client.tried(SOON)
        return client

    yield make
    for client in clients:
        await client.close()


@pytest.fixture
async def http_server() -> AsyncIterator[HttpServer]:
    """A server on a port of its own, to be started."""
    server = HttpServer()
    yield server
    await server.stop()
