"""What a client asked, as the rooms above see it."""

from __future__ import annotations

import pytest

from router.request import Headers, HttpMessage, Prompt, Turn


def turns(*spoken: tuple[str, str]) -> Prompt:
    return Prompt(tuple(Turn(role, text) for role, text in spoken), system="be kind")


def test_the_latest_user_turn_is_classified() -> None:
    prompt = turns(("user", "first"), ("assistant", "well"), ("user", "latest"), ("tool", "{}"))
    assert prompt.text == "latest"


def test_an_empty_user_turn_falls_back_to_an_earlier_one() -> None:
    assert turns(("user", "first"), ("assistant", "well"), ("user", " \n")).text == "first"


def test_without_user_text_the_latest_turn_of_anybody_is_classified() -> None:
    assert turns(("assistant", "well"), ("tool", "found"), ("user", "")).text == "found"


def test_without_any_turn_the_system_text_is_classified() -> None:
    assert turns().text == "be kind"


def test_the_first_of_repeated_headers_is_read_and_all_are_kept() -> None:
    headers = Headers([("a", "1"), ("b", "2"), ("a", "3")])
    assert headers.get("a") == "1"
    assert list(headers) == [("a", "1"), ("b", "2"), ("a", "3")]
    assert headers.get("absent") == ""
    assert "b" in headers
    assert len(headers) == 3
    assert headers == Headers([("a", "1"), ("b", "2"), ("a", "3")])


def test_a_query_string_is_no_part_of_the_path() -> None:
    message = HttpMessage(Headers([(":method", "post"), (":path", "/v1/x?api-version=2")]))
    assert (message.method, message.path) == ("POST", "/v1/x")


@pytest.mark.parametrize("shown", ["a secret", "Bearer key"])
def test_neither_bodies_nor_header_values_nor_prompts_are_shown(shown: str) -> None:
    message = HttpMessage(Headers([("authorization", shown)]), shown.encode())
    prompt = Prompt((Turn("user", shown),), system=shown)
    assert shown not in repr(message) + repr(message.headers) + repr(prompt)


def test_a_request_id_has_its_bounds() -> None:
    assert HttpMessage(Headers([("x-request-id", "x" * 5000)])).request_id == "x" * 128
