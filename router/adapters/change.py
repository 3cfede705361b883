"""What became of one change on each endpoint, and the account of it."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from router.catalog import Endpoint
from router.endpoints.adapters import EndpointError, Outcome


@dataclass(frozen=True, slots=True)
class Change:
    """An endpoint, and what became of the adapter there, or the error why nothing did."""

    endpoint: Endpoint
    outcome: Outcome | None = None
    error: str | None = None


async def attempt(endpoint: Endpoint, request: Awaitable[Outcome]) -> Change:
    """Await a request that was made of `endpoint`."""
    try:
        return Change(endpoint, await request)
    except EndpointError as error:
        return Change(endpoint, error=str(error))


def account(adapter: str, changes: Sequence[Change], version: str) -> dict[str, Any]:
    """All of it for programs."""
    return {
        "adapter": adapter,
        "done": all(change.error is None for change in changes),
        "config_version": version,
        "endpoints": [
            {
                "name": change.endpoint.name,
                "address": change.endpoint.authority,
                "outcome": change.outcome or "failed",
                "error": change.error,
            }
            for change in changes
        ],
    }
