from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.extproc.headers import FRAMING, header_mutation, with_content_length
from router.extproc.messages import HeaderMutation


def test_a_name_is_sent_in_lower_case_and_a_value_as_utf_8() -> None:
    mutation, refused = header_mutation([("X-Selected-Model", "数学")], ["X-Old"])
    assert mutation == HeaderMutation((("x-selected-model", "数学".encode()),), ("x-old",))
    assert refused == []


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\n", "a\r", "a\0", "\x7f", "\ud800"])
def test_a_value_that_envoy_would_refuse_is_left_out_and_reported_without_being_shown(
    value: str,
) -> None:
    mutation, refused = header_mutation([("x-selected-model", value), ("x-good", "1")])
    assert mutation == HeaderMutation((("x-good", b"1"),))
    assert refused == ["header 'x-selected-model' is not set: bad value"]


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\n", "ä", "a(b)"])
def test_a_bad_name_is_neither_set_nor_removed(name: str) -> None:
    mutation, refused = header_mutation([(name, "1")], [name])
    assert not mutation
    assert refused == [
        f"header {name!a} is not set: bad name",
        f"header {name!a} is not removed: bad name",
    ]


@pytest.mark.parametrize("name", sorted(FRAMING))
def test_a_header_that_frames_the_message_is_the_exchanges_own_business(name: str) -> None:
    mutation, refused = header_mutation([(name.upper(), "1")], [name])
    assert not mutation
    assert len(refused) == 2


@pytest.mark.parametrize("name", ["host", ":path", ":authority"])
def test_what_envoy_never_removes_is_not_asked_to_be_removed(name: str) -> None:
    mutation, refused = header_mutation([], [name])
    assert not mutation
    assert refused == [f"header {name!a} is not removed: envoy keeps it always"]


def test_the_path_can_be_set() -> None:
    assert header_mutation([(":path", "/v1/x")])[0] == HeaderMutation(((":path", b"/v1/x"),))


def test_content_length_is_added_to_what_is_there() -> None:
    mutation = with_content_length(HeaderMutation((("a", b"1"),), ("b",)), 17)
    assert mutation == HeaderMutation((("a", b"1"), ("content-length", b"17")), ("b",))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.text(), st.text())), st.lists(st.text()))
def test_whatever_is_asked_for_no_control_character_leaves(
    set_headers: list[tuple[str, str]], remove_headers: list[str]
) -> None:
    mutation, refused = header_mutation(set_headers, remove_headers)
    for name, value in mutation.set_headers:
        assert name == name.lower()
        assert name.isascii()
        assert not set(value) & (set(range(32)) - {9} | {127})
    kept = len(mutation.set_headers) + len(mutation.remove_headers)
    assert kept + len(refused) == len(set_headers) + len(remove_headers)
