"""Which of its adapters a tenant's user has: a pure function, the same on every server."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from math import log

_HASH_BYTES = 8


def adapter_for(tenant_id: str, user_id: str, shares: Mapping[str, float]) -> str:
    """The adapter that this user keeps; `shares` maps adapters to positive weights, at least one.

    A request that names no user ("") gets the adapter with the largest share, so that nobody is
    part of a trial by chance.
    """
    if len(shares) == 1 or not user_id:
        return min(shares, key=lambda adapter: (-shares[adapter], adapter))
    return min(shares, key=lambda adapter: _distance(tenant_id, user_id, adapter, shares[adapter]))


def _distance(tenant_id: str, user_id: str, adapter: str, share: float) -> float:
    """Weighted rendezvous hashing: when shares change, only as many users move as must.

    The tenant is part of the hash: whoever has the trial's adapter with one tenant need not have
    it with another.
    """
    text = "\0".join((tenant_id, adapter, user_id)).encode(errors="surrogatepass")
    number = int.from_bytes(blake2b(text, digest_size=_HASH_BYTES).digest())
    return -log((number + 0.5) / 2 ** (8 * _HASH_BYTES)) / share
