"""Which endpoints a change of an adapter is meant for.

Pure. What the file says of the adapter counts first; of one that it does not have, the command line
must say where it belongs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from router.catalog import Catalog, Endpoint, Model
from router.config.problems import did_you_mean, listed

T = TypeVar("T", Endpoint, Model)


class Misdirected(Exception):
    """The command line asks for what the file makes impossible; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An adapter's name, and what the command line says besides: its base model, endpoints."""

    name: str
    base: str | None = None
    endpoints: tuple[str, ...] = ()


def to_load(catalog: Catalog, wanted: Wanted) -> Sequence[Endpoint]:
    """Those of the base model, or of these the named ones. Raises Misdirected."""
    model = _base(catalog, wanted)
    named = _named(catalog.endpoints, wanted.endpoints)
    if model is None:
        return named
    for endpoint in named:
        if endpoint not in model.endpoints:
            expected = listed(at.name for at in model.endpoints)
            raise Misdirected(
                f"endpoint {endpoint.name!r} does not serve {model.name!r}, the base model of "
                f"{wanted.name!r}; expected {expected}"
            )
    return named or model.endpoints


def to_unload(catalog: Catalog, wanted: Wanted) -> Sequence[Endpoint]:
    """The named ones, though the adapter should never have come there, or those of the base model.

    Raises Misdirected.
    """
    model = _base(catalog, wanted)
    named = _named(catalog.endpoints, wanted.endpoints)
    return named or (model.endpoints if model else ())


def _base(catalog: Catalog, wanted: Wanted) -> Model | None:
    """The base model; None where only endpoints are named."""
    if wanted.name in catalog.models:
        raise Misdirected(f"{wanted.name!r} is a base model, expected the name of an adapter")
    if wanted.name in catalog.auto_names:
        raise Misdirected(
            f"{wanted.name!r} asks the router to choose, expected the name of an adapter"
        )
    adapter = catalog.adapters.get(wanted.name)
    if adapter and wanted.base not in (None, adapter.base):
        raise Misdirected(
            f"adapter {wanted.name!r} belongs to base model {adapter.base!r}, found {wanted.base!r}"
        )
    base = adapter.base if adapter else wanted.base
    if base is not None:
        return _one(catalog.models, base, "base model")
    if not wanted.endpoints:
        raise Misdirected(
            f"adapter {wanted.name!r} is not in the configuration"
            f"{did_you_mean(wanted.name, catalog.adapters) or '; expected --base or --endpoint'}"
        )
    return None


def _named(endpoints: Mapping[str, Endpoint], names: Iterable[str]) -> Sequence[Endpoint]:
    return [_one(endpoints, name, "endpoint") for name in dict.fromkeys(names)]


def _one(known: Mapping[str, T], name: str, kind: str) -> T:
    if name not in known:
        hint = did_you_mean(name, known) or f"; expected {listed(known)}"
        raise Misdirected(f"{kind} {name!r} is not in the configuration{hint}")
    return known[name]
