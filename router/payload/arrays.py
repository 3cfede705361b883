"""Arrays of the client's, decoded item by item and never more of them than a limit.

Knows how to stop at the first item too many, so that an array of millions costs next to nothing.
What the items are, and how the client is told, is left to the readers of contents and bodies.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Generic, TypeVar

import msgspec

# Messages, items, prompts or parts: more than any conversation has.
MAX_ITEMS = 16_384

# A smaller array is decoded before its items are counted: it cannot hold enough to matter.
_LARGE_ARRAY = 1 << 20

T = TypeVar("T")


class TooManyItems(Exception):
    """An array holds more than MAX_ITEMS items."""


class ArrayDecoder(Generic[T]):
    """Reads an array of `item`s, a type or union that msgspec understands."""

    def __init__(self, item: Any) -> None:
        self._item = item
        self._all = msgspec.json.Decoder(list[item])

    def decode(self, value: msgspec.Raw) -> list[T]:
        """The items. Raises TooManyItems, or msgspec.ValidationError for one of a wrong type."""
        if len(memoryview(value)) > _LARGE_ARRAY:
            return self._decode_large(value)
        items: list[T] = self._all.decode(value)
        if len(items) > MAX_ITEMS:
            raise TooManyItems
        return items

    def _decode_large(self, value: msgspec.Raw) -> list[T]:
        try:
            items = msgspec.structs.astuple(self._bounded.decode(value))
        except msgspec.ValidationError as error:
            if " at most length " in str(error):
                raise TooManyItems from None
            raise
        return [item for item in items if item is not msgspec.UNSET]

    @cached_property
    def _bounded(self) -> msgspec.json.Decoder[msgspec.Struct]:
        """An array as a struct of MAX_ITEMS optional fields: decoding ends at the first beyond.

        Takes some 50 ms to make, which only large arrays are worth.
        """
        optional = self._item | msgspec.UnsetType
        fields = [(f"item_{index}", optional, msgspec.UNSET) for index in range(MAX_ITEMS)]
        options: dict[str, Any] = {"array_like": True, "forbid_unknown_fields": True, "eq": False}
        return msgspec.json.Decoder(msgspec.defstruct("Items", fields, **options))
