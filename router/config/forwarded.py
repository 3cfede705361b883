"""The request headers that a configuration reads: those that Envoy must show to the router.

Besides the few that every request's reading needs, which are the request flow's matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from router.config.schema import Config

_STICKY = "header:"


def forwarded_headers(config: Config) -> tuple[str, ...]:
    """The names in lower case, each once, in alphabetical order."""
    return tuple(sorted({*_matched(config), *_told(config), *_sticky(config)}))


def _matched(config: Config) -> Iterator[str]:
    """Those that facts about requests are read from."""
    for rule in config.signals.requests:
        yield from rule.headers
    for routing in config.routing_rules:
        if routing.match:
            yield from routing.match.headers


def _told(config: Config) -> Iterable[str]:
    """Those that the MCP server is told."""
    server = config.classifier.mcp_category_model
    return server.forward_headers if server and server.enabled else ()


def _sticky(config: Config) -> Iterator[str]:
    """Those that keep a request with its model."""
    selections = [
        config.model_selection,
        *(category.model_selection for category in config.categories),
        *(decision.model_selection for decision in config.decisions),
    ]
    for selection in selections:
        key = selection.sticky_key if selection else None
        if key and key.startswith(_STICKY):
            yield key.removeprefix(_STICKY)
