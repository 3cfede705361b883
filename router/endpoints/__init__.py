"""How endpoints are doing just now: what they say of themselves, and what was sent to them.

Knows vLLM's health, metrics and model list, and how old an observation is; leaves the choice of an
endpoint to `balancing`, and the failover of a request under way to Envoy.
"""

from __future__ import annotations

import msgspec


class EndpointState(msgspec.Struct, frozen=True):
    """One endpoint as it seems at one moment.

    `load` is the number of requests that it works on or has waiting, as far as that is known.
    `models` are the names that it serves, adapters included; None where it was never asked.
    `resident` are the adapters that it most likely holds in memory, `free_slots` how many more
    would fit; None where that is not known.
    """

    healthy: bool = True
    load: float = 0.0
    models: frozenset[str] | None = None
    resident: frozenset[str] = frozenset()
    free_slots: int | None = None


NOTHING_KNOWN = EndpointState()
