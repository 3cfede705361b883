"""What bodies say beside their prompt, of every API, and the bounds within which it is read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.payload import Edit, parse
from router.payload.facts import MAX_METADATA_BYTES
from router.request import Api, InferenceRequest
from tests.payload.test_body import PROMPTS, every_api

OPENAI = [Api.CHAT_COMPLETIONS, Api.COMPLETIONS, Api.RESPONSES]
LIMIT = {Api.RESPONSES: "max_output_tokens"}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def read(api: Api, **fields: object) -> InferenceRequest:
    return parse(api, json.dumps({"model": "MoM", **PROMPTS[api], **fields}).encode()).request


@every_api
def test_a_body_that_says_nothing_has_no_facts(api: Api) -> None:
    request = read(api)
    assert (request.user, dict(request.metadata), request.max_tokens) == (None, {}, None)


@pytest.mark.parametrize("api", OPENAI)
@pytest.mark.parametrize(
    ("fields", "user"),
    [
        ({"user": "ann"}, "ann"),
        ({"safety_identifier": "a1b2"}, "a1b2"),
        ({"user": "ann", "safety_identifier": "a1b2"}, "ann"),
        ({"user": None, "safety_identifier": "a1b2"}, "a1b2"),
        ({"user": 5, "safety_identifier": "a1b2"}, "a1b2"),
        ({"user": "", "safety_identifier": "a1b2"}, "a1b2"),
        ({"user": ""}, None),
        ({"safety_identifier": ["a1b2"]}, None),
        ({"metadata": {"user_id": "ann"}}, None),
    ],
)
def test_the_user_is_the_one_named_else_the_safety_identifier(
    api: Api, fields: dict[str, object], user: str | None
) -> None:
    assert read(api, **fields).user == user


def test_of_the_messages_api_the_metadata_names_the_user() -> None:
    assert read(Api.MESSAGES, user="bob", metadata={"user_id": "ann"}).user == "ann"
    assert read(Api.MESSAGES, user="bob", metadata={"user_id": ""}).user is None


@every_api
def test_metadata_are_the_texts_of_the_object(api: Api) -> None:
    given = {"tenant": "acme", "n": 5, "on": True, "none": None, "list": ["x"], "äß": "\u00fc\n"}
    assert read(api, metadata=given).metadata == {"tenant": "acme", "äß": "ü\n"}


@every_api
@pytest.mark.parametrize("metadata", [None, "tenant", 5, True, [], ["tenant"], {}])
def test_metadata_of_another_form_are_none(api: Api, metadata: object) -> None:
    assert read(api, metadata=metadata).metadata == {}


def test_metadata_are_read_up_to_their_bounds() -> None:
    longest = {"k" * 64: "v" * 512, "法" * 64: "律" * 512}
    beyond = {"k" * 65: "v", "key": "v" * 513}
    assert read(Api.CHAT_COMPLETIONS, metadata={**beyond, **longest}).metadata == longest


def test_the_first_sixteen_metadata_count() -> None:
    given = {"odd": 5, **{f"key-{n}": str(n) for n in range(20)}}
    found = read(Api.CHAT_COMPLETIONS, metadata=given).metadata
    assert list(found) == [f"key-{n}" for n in range(16)]


def test_the_longest_metadata_are_read_however_they_are_escaped() -> None:
    given = {f"{n:x}" + "😀" * 63: "😀" * 512 for n in range(16)}
    assert len(json.dumps(given)) < MAX_METADATA_BYTES
    assert read(Api.CHAT_COMPLETIONS, metadata=given).metadata == given


@every_api
def test_metadata_beyond_all_bounds_are_not_even_decoded(api: Api) -> None:
    given = {"user_id": "ann", "pad": "x" * MAX_METADATA_BYTES}
    request = read(api, metadata=given)
    assert (dict(request.metadata), request.user) == ({}, None)


@pytest.mark.parametrize(
    ("api", "fields", "expected"),
    [
        (Api.CHAT_COMPLETIONS, {"max_tokens": 5}, 5),
        (Api.CHAT_COMPLETIONS, {"max_completion_tokens": 6}, 6),
        (Api.CHAT_COMPLETIONS, {"max_tokens": 5, "max_completion_tokens": 6}, 6),
        (Api.CHAT_COMPLETIONS, {"max_tokens": 5, "max_completion_tokens": None}, 5),
        (Api.CHAT_COMPLETIONS, {"max_output_tokens": 5}, None),
        (Api.COMPLETIONS, {"max_tokens": 5}, 5),
        (Api.COMPLETIONS, {"max_completion_tokens": 5}, None),
        (Api.RESPONSES, {"max_output_tokens": 5}, 5),
        (Api.RESPONSES, {"max_tokens": 5}, None),
        (Api.MESSAGES, {"max_tokens": 5}, 5),
    ],
)
def test_each_api_bounds_its_answers_by_a_name_of_its_own(
    api: Api, fields: dict[str, object], expected: int | None
) -> None:
    assert read(api, **fields).max_tokens == expected


@every_api
@pytest.mark.parametrize("limit", [0, -1, 1.5, 5.0, 1e3, "5", True, None, [5], 10**30])
def test_a_limit_that_is_no_number_of_tokens_is_the_backends_business(
    api: Api, limit: object
) -> None:
    assert read(api, **{LIMIT.get(api, "max_tokens"): limit}).max_tokens is None


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(Api)), JSON, JSON, JSON)
def test_no_fact_is_ever_refused(api: Api, user: object, metadata: object, limit: object) -> None:
    fields = {"user": user, "metadata": metadata, LIMIT.get(api, "max_tokens"): limit}
    request = read(api, **fields)
    assert all(isinstance(value, str) for value in request.metadata.values())
    assert request.max_tokens is None or request.max_tokens > 0


def test_a_lone_surrogate_does_not_hide_the_others() -> None:
    body = b'{"model":"MoM","prompt":"hi","user":"\\ud800","metadata":{"a":"\\udc00","b":"c"}}'
    request = parse(Api.COMPLETIONS, body).request
    assert (request.user, dict(request.metadata)) == ("\ufffd", {"a": "\ufffd", "b": "c"})


@every_api
def test_facts_stay_in_the_body_and_out_of_sight(api: Api) -> None:
    fields = {"user": "SECRET-1", "metadata": {"user_id": "SECRET-2", "tenant": "SECRET-3"}}
    body = json.dumps({"model": "MoM", **PROMPTS[api], **fields}).encode()
    payload = parse(api, body)
    assert payload.request.metadata["tenant"] == "SECRET-3"
    assert "SECRET" not in repr(payload.request)
    assert json.loads(payload.rewrite(Edit("other"))) == {**json.loads(body), "model": "other"}
