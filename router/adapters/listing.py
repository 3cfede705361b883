"""What an endpoint should have, what it has, and the difference.

Of an endpoint that did not answer, only what it should have is known; nothing counts as there, and
nothing as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.catalog import Catalog, Endpoint
from router.endpoints.adapters import AdapterClient, EndpointError
from router.endpoints.vllm import Served


@dataclass(frozen=True, slots=True)
class Stranger:
    """A name that the endpoint lists and the file does not put there.

    `parent` is its base model, as the endpoint says; `configured_for` are the endpoints that the
    file does put it on.
    """

    name: str
    parent: str | None
    configured_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """One endpoint. `configured` has the base model of each name, None for a base model's own;
    `served` is what it listed, or `error` why it did not."""

    endpoint: Endpoint
    configured: Mapping[str, str | None]
    strangers: tuple[Stranger, ...] = ()
    served: Served | None = None
    error: str | None = None

    @property
    def loaded(self) -> list[str]:
        return [name for name in self.configured if self.served and name in self.served.names]

    @property
    def missing(self) -> list[str]:
        if self.served is None:
            return []
        return [name for name in self.configured if name not in self.served.names]

    @property
    def complete(self) -> bool:
        """Whether it is known to have all that it should have."""
        return self.served is not None and not self.missing


async def ask(client: AdapterClient, catalog: Catalog, endpoint: Endpoint) -> Listing:
    """What `endpoint` has, by its own word."""
    try:
        return compare(catalog, endpoint, await client.models(endpoint))
    except EndpointError as error:
        return Listing(endpoint, belongs(catalog, endpoint), error=str(error))


def compare(catalog: Catalog, endpoint: Endpoint, served: Served) -> Listing:
    """What `endpoint` listed against what `catalog` has for it."""
    configured = belongs(catalog, endpoint)
    strangers = tuple(
        Stranger(name, served.parents.get(name), _homes(catalog, name))
        for name in sorted(served.names - configured.keys())
    )
    return Listing(endpoint, configured, strangers, served)


def belongs(catalog: Catalog, endpoint: Endpoint) -> dict[str, str | None]:
    """The names that `endpoint` should serve, in the order of the file, with their base models."""
    names: dict[str, str | None] = {}
    for model in catalog.models.values():
        if endpoint in model.endpoints:
            names[model.name] = None
            names.update((adapter.name, model.name) for adapter in model.adapters)
    return names


def _homes(catalog: Catalog, name: str) -> tuple[str, ...]:
    ref = catalog.find(name)
    return tuple(at.name for at in catalog.models[ref.model].endpoints) if ref else ()


def account(listings: Sequence[Listing], version: str) -> dict[str, Any]:
    """All of it for programs; what is not known is None."""
    return {
        "complete": all(listing.complete for listing in listings),
        "config_version": version,
        "endpoints": [_endpoint(listing) for listing in listings],
    }


def _endpoint(listing: Listing) -> dict[str, Any]:
    known = listing.served is not None
    unknown = [
        {
            "name": stranger.name,
            "parent": stranger.parent,
            "configured_for": list(stranger.configured_for),
        }
        for stranger in listing.strangers
    ]
    return {
        "name": listing.endpoint.name,
        "address": listing.endpoint.authority,
        "error": listing.error,
        "configured": _entries(listing, listing.configured),
        "loaded": _entries(listing, listing.loaded) if known else None,
        "missing": _entries(listing, listing.missing) if known else None,
        "unknown": unknown if known else None,
    }


def _entries(listing: Listing, names: Iterable[str]) -> list[dict[str, Any]]:
    return [{"name": name, "base": listing.configured[name]} for name in names]
