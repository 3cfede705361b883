"""The request headers that a configuration reads and changes: what Envoy must allow the router.

Besides the few that every request needs, which are the request flow's matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from router.config.schema import Config

_STICKY = "header:"


def forwarded_headers(config: Config) -> tuple[str, ...]:
    """The names in lower case, each once, in alphabetical order."""
    return tuple(sorted({*_matched(config), *_told(config), *_sticky(config)}))


def changed_headers(config: Config) -> tuple[str, ...]:
    """The names that decisions set or remove, each once, in alphabetical order."""
    changes = [
        plugin.configuration
        for decision in config.decisions
        for plugin in decision.plugins
        if plugin.type == "header_mutation" and plugin.configuration.enabled
    ]
    names = {
        name
        for change in changes
        for name in (*(header.name for header in (*change.add, *change.update)), *change.delete)
    }
    return tuple(sorted(names))


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
