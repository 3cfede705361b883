"""An array is decoded up to a limit; what is behind the first item too many is not looked at."""

from __future__ import annotations

import msgspec
import pytest

from router.payload.arrays import MAX_ITEMS, ArrayDecoder, TooManyItems

TEXTS: ArrayDecoder[str] = ArrayDecoder(str)
LARGE = b'"%s"' % (b"a" * 100)  # MAX_ITEMS of these make an array large
sizes = pytest.mark.parametrize("item", [b'"a"', LARGE], ids=["small", "large"])


def array(*items: bytes) -> msgspec.Raw:
    return msgspec.Raw(b"[" + b",".join(items) + b"]")


@sizes
def test_an_array_of_as_many_items_as_are_allowed_is_decoded_whole(item: bytes) -> None:
    assert TEXTS.decode(array(*[item] * MAX_ITEMS)) == [item[1:-1].decode()] * MAX_ITEMS


@sizes
def test_one_item_more_is_too_many(item: bytes) -> None:
    with pytest.raises(TooManyItems):
        TEXTS.decode(array(*[item] * (MAX_ITEMS + 1)))


def test_a_large_array_is_given_up_at_the_first_item_too_many() -> None:
    with pytest.raises(TooManyItems):
        TEXTS.decode(array(*[LARGE] * (MAX_ITEMS + 1), b"5"))


@pytest.mark.parametrize("filler", [b'"a"', b'"%s"' % (b"a" * (1 << 20))], ids=["small", "large"])
def test_an_item_of_a_wrong_type_is_named_by_its_place_in_an_array_of_any_size(
    filler: bytes,
) -> None:
    with pytest.raises(
        msgspec.ValidationError, match=r"^Expected `str`, got `int` - at `\$\[1\]`$"
    ):
        TEXTS.decode(array(filler, b"5"))


def test_a_value_that_is_no_array_is_a_wrong_type_however_large_it_is() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"^Expected `array`, got `str`$"):
        TEXTS.decode(msgspec.Raw(b'"%s"' % (b"a" * (1 << 20))))
