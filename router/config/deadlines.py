"""Whether Envoy waits as long as classification may take.

Signals of one stage are asked at once, stages one after the other: decisions first, then the
methods of `classification_order`. A signal is asked once.
"""

from __future__ import annotations

from collections.abc import Iterator

from router.config.conditions import kinds_asked_for
from router.config.report import Report
from router.config.schema import Config
from router.config.ways import Ways

_CLASSIFIER = "classifier"
_AFTER = ", which may be waited for one after the other"


def check_deadlines(report: Report, config: Config, ways: Ways) -> None:
    """Warn where Envoy gives up on answers that signals may still be working on."""
    waits = list(_waits(config, ways))
    total = sum(milliseconds for milliseconds, _ in waits)
    if waits and config.envoy.message_timeout_ms <= total:
        keys = " and ".join(dict.fromkeys(key for _, key in waits))
        report.warn(
            ("envoy", "message_timeout_ms"),
            f"envoy waits {config.envoy.message_timeout_ms} ms for an answer, expected more than "
            f"the {total} ms of {keys}{_AFTER if len(waits) > 1 else ''}",
        )


def _waits(config: Config, ways: Ways) -> Iterator[tuple[int, str]]:
    """The longest wait of each stage that waits at all, and the key that sets it."""
    waiting = _timeouts(config, ways)
    by_method = ((method,) for method in config.classification_order)
    for kinds in (kinds_asked_for(config), *by_method):
        found = [waiting.pop(kind) for kind in kinds if kind in waiting]
        if found:
            yield max(found)


def _timeouts(config: Config, ways: Ways) -> dict[str, tuple[int, str]]:
    """The timeout of each kind of signal that waits, in ms, and the key that sets it."""
    category, server = config.classifier.category_model, config.classifier.mcp_category_model
    found = {}
    if category is not None:
        found["domain"] = (category.timeout_ms, f"{_CLASSIFIER}.category_model.timeout_ms")
    encoder = found.get("domain")
    if config.embedding_model is not None:
        encoder = (config.embedding_model.timeout_ms, "embedding_model.timeout_ms")
    if encoder and config.every_embedding_rule:
        found["embedding"] = encoder
    if encoder and ways.described():
        found["description"] = encoder
    if server is not None and server.enabled:
        milliseconds = round(server.timeout_seconds * 1000)
        found["mcp"] = (milliseconds, f"{_CLASSIFIER}.mcp_category_model.timeout_seconds")
    return found
