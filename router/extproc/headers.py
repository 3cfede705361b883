"""Which headers may leave: names and values that Envoy accepts, and none that frame the message.

Envoy answers one bad character with 500, even when it is told to fail open, and an own
`transfer-encoding` beside a `content-length` desynchronises the backend's connection. So a bad
header is left out and reported; whether it is missed is the business of those who set it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from router.extproc.messages import HeaderMutation

FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

_NAME = re.compile(r":?[!#$%&'*+.^_`|~0-9a-z-]+")
_UNSAFE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def header_mutation(
    set_headers: Iterable[tuple[str, str]], remove_headers: Iterable[str] = ()
) -> tuple[HeaderMutation, list[str]]:
    """The safe part of these changes, and one line on each header left out (never its value)."""
    refused: list[str] = []
    kept = []
    for name, value in set_headers:
        encoded = _encoded(value)
        problem = _name_problem(name.lower()) or ("bad value" if encoded is None else None)
        if problem or encoded is None:
            refused.append(f"header {name!a} is not set: {problem}")
        else:
            kept.append((name.lower(), encoded))
    removed = []
    for name in remove_headers:
        if problem := _name_problem(name.lower(), removal=True):
            refused.append(f"header {name!a} is not removed: {problem}")
        else:
            removed.append(name.lower())
    return HeaderMutation(tuple(kept), tuple(removed)), refused


def with_content_length(mutation: HeaderMutation, length: int) -> HeaderMutation:
    """The same changes and the exact length of a new body."""
    return with_header(mutation, "content-length", b"%d" % length)


def with_header(mutation: HeaderMutation, name: str, value: bytes) -> HeaderMutation:
    """The same changes and one header more."""
    return HeaderMutation((*mutation.set_headers, (name, value)), mutation.remove_headers)


def _name_problem(name: str, *, removal: bool = False) -> str | None:
    if not _NAME.fullmatch(name):
        return "bad name"
    if name in FRAMING:
        return "it frames the message"
    if removal and (name == "host" or name.startswith(":")):
        return "envoy keeps it always"
    return None


def _encoded(value: str) -> bytes | None:
    """UTF-8, or None for what may not stand in a header (control characters, lone surrogates)."""
    try:
        encoded = value.encode()
    except UnicodeEncodeError:
        return None
    return None if _UNSAFE.search(encoded) else encoded
