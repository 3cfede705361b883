"""Choice among equals: which model of a decision, which endpoint of a model.

Pure functions over frozen values; chance comes in as a number, so that a choice can be replayed.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.catalog import Endpoint, ModelRef


def pick_model(refs: Sequence[ModelRef]) -> ModelRef:
    """The entry with the highest score; the first one where scores tie."""
    return max(refs, key=lambda ref: ref.score)


def pick_endpoint(endpoints: Sequence[Endpoint], chance: float) -> Endpoint:
    """An endpoint with probability in proportion to its weight.

    `chance` is uniform in [0, 1). Endpoints of weight 0 are drained: chosen only if all are.
    """
    if len(endpoints) == 1:
        return endpoints[0]
    remaining = chance * sum(endpoint.weight for endpoint in endpoints)
    for endpoint in endpoints:
        remaining -= endpoint.weight
        if remaining < 0:
            return endpoint
    return max(endpoints, key=lambda endpoint: endpoint.weight)
