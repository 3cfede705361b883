"""What the router answers: a change to the request on its way, or a response in its stead.

Pure values. The ext_proc room turns them into protobuf, whichever phase they leave in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import msgspec

MetadataValue = str | float | bool


@dataclass(frozen=True, slots=True)
class HeaderChanges:
    """Headers to set, in place of those there are, and to remove."""

    set: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


class Mutation(msgspec.Struct, frozen=True):
    """Changes to a request: headers to set (overwriting), headers to remove, a new body, or none.

    `body` is None where the client's bytes go on untouched; otherwise `content-length` follows from
    it and is set by the exchange. `metadata` goes into Envoy's dynamic metadata, for the access log
    and the `x-vsr-*` response headers.
    """

    set_headers: tuple[tuple[str, str], ...] = ()
    remove_headers: tuple[str, ...] = ()
    body: bytes | None = None
    clear_route_cache: bool = False
    metadata: Mapping[str, MetadataValue] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Mutation(set_headers={self.set_headers!r}, remove_headers={self.remove_headers!r})"

    def with_metadata(self, metadata: Mapping[str, MetadataValue]) -> Self:
        return type(self)(
            self.set_headers, self.remove_headers, self.body, self.clear_route_cache, metadata
        )


@dataclass(frozen=True, slots=True)
class ImmediateResponse:
    """A response that Envoy sends at once; the request reaches no backend.

    `details` is a short token (no blanks) for Envoy's access log.
    """

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    details: str = "lora_router"
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)

    def with_metadata(self, metadata: Mapping[str, MetadataValue]) -> Self:
        return type(self)(self.status, self.body, self.headers, self.details, metadata)


Answer = Mutation | ImmediateResponse
