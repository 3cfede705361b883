"""What a body says beside its prompt: whom it is for, its metadata, how long an answer may be.

Knows the bounds within which these are read. None of it is ever refused here: what is of another
form, or beyond a bound, is as if it were absent, and the backend's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice

import msgspec

from router.payload.document import kind

# As OpenAI documents them.
MAX_ENTRIES = 16
MAX_KEY = 64
MAX_VALUE = 512

# No 16 entries within the bounds are longer than this, however they are escaped.
MAX_METADATA_BYTES = 1 << 17

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STRING = msgspec.json.Decoder(str)
_POSITIVE = re.compile(rb"[1-9][0-9]{0,17}")

Members = Mapping[str, msgspec.Raw]
_NONE: Members = {}


def read_positive(body: Members, names: tuple[str, ...]) -> int | None:
    """The first of the members `names` that is a whole number above 0."""
    for name in names:
        value = body.get(name)
        if value is not None and _POSITIVE.fullmatch(value):
            return int(memoryview(value))
    return None


def read_text(body: Members, names: tuple[str, ...]) -> str | None:
    """The first of the members `names` that is a string and not empty."""
    for name in names:
        value = body.get(name)
        if value is not None and kind(value) == '"' and (text := _STRING.decode(value)):
            return text
    return None


def read_metadata(body: Members) -> Members:
    """The members of `metadata`; none where it is no object, or beyond all bounds."""
    value = body.get("metadata")
    if value is None or kind(value) != "{" or memoryview(value).nbytes > MAX_METADATA_BYTES:
        return _NONE
    return _MEMBERS.decode(value)


def texts(metadata: Members) -> dict[str, str]:
    """The first MAX_ENTRIES members whose values are strings, keys and values within bounds."""
    return dict(islice(_texts(metadata), MAX_ENTRIES)) if metadata else {}


def _texts(metadata: Members) -> Iterator[tuple[str, str]]:
    for key, value in metadata.items():
        if len(key) <= MAX_KEY and kind(value) == '"':
            text = _STRING.decode(value)
            if len(text) <= MAX_VALUE:
                yield key, text
