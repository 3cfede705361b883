"""Which endpoints stand in for which, by the configuration alone.

A sibling serves every base model that the endpoint serves: one that lacks a model would answer 404
to it, which is no reason for Envoy to try a third. Whether the adapters are really there, and who
is up, is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.config import Config
from router.config.schema import VllmEndpoint

# Envoy asks every endpoint for its health once for each cluster that holds it.
MOST_SIBLINGS = 8


def siblings(config: Config) -> Mapping[str, tuple[VllmEndpoint, ...]]:
    """Each endpoint's siblings by its name, the next one first.

    They come in the order of the file, as a ring: what one endpoint leaves behind falls to the next
    one, what that one leaves to the one after it. An endpoint of weight 0 stands in for nobody, and
    for one that serves no model nobody stands in. Another name for the same server is no sibling.
    """
    served = _served(config)
    endpoints = config.vllm_endpoints
    return {
        endpoint.name: _elsewhere(
            endpoint,
            [
                other
                for other in (*endpoints[place + 1 :], *endpoints[:place])
                if other.weight and _covers(served[other.name], served[endpoint.name])
            ],
        )[:MOST_SIBLINGS]
        for place, endpoint in enumerate(endpoints)
    }


def _elsewhere(endpoint: VllmEndpoint, others: Iterable[VllmEndpoint]) -> tuple[VllmEndpoint, ...]:
    """The first of `others` at each address that is not the endpoint's."""
    places = {(endpoint.address, endpoint.port): endpoint}
    for other in others:
        places.setdefault((other.address, other.port), other)
    return tuple(places.values())[1:]


def _covers(offered: frozenset[str], wanted: frozenset[str]) -> bool:
    return bool(wanted) and wanted <= offered


def _served(config: Config) -> dict[str, frozenset[str]]:
    """The base models of each endpoint, by its name."""
    holders = {model: set(config.endpoints_of(model)) for model in config.models}
    return {
        endpoint.name: frozenset(model for model, among in holders.items() if endpoint in among)
        for endpoint in config.vllm_endpoints
    }
