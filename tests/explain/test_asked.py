"""What may be asked, and what is wrong with what may not."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from router.errors import BadRequest, ClientError, PayloadTooLarge, UnsupportedMediaType
from router.explain.asked import Asked
from router.request import Api, Headers, InferenceRequest

BODY = {"model": "auto", "user": "bob", "messages": [{"role": "user", "content": "hello"}]}

NO_CREDENTIALS = "expected a header that carries no credentials: those never reach the router"


def read(limit: int = 4096, **fields: Any) -> InferenceRequest:
    if isinstance(fields.get("body"), dict):
        fields["body"] = Raw(json.dumps(fields["body"]).encode())
    return Asked(**fields).request(auto_name="MoM", max_body_bytes=limit)


def test_a_prompt_is_a_chat_message_to_the_auto_model() -> None:
    request = read(text="hello")
    assert (request.api, request.path) == (Api.CHAT_COMPLETIONS, "/v1/chat/completions")
    assert (request.model, request.prompt.text, request.prompt.system) == ("MoM", "hello", "")
    assert (request.user, request.headers) == (None, Headers())


def test_whatever_goes_with_a_prompt_is_part_of_the_request() -> None:
    request = read(
        text="hello",
        model="legal-lora",
        user="bob",
        system="be brief",
        headers={"X-Plan": "gold"},
        path="/v1/messages?beta=true",
    )
    assert (request.api, request.path) == (Api.MESSAGES, "/v1/messages")
    assert (request.model, request.user) == ("legal-lora", "bob")
    assert request.prompt.system == "be brief"
    assert request.headers.get("x-plan") == "gold"


def test_a_body_is_read_as_the_router_reads_it() -> None:
    request = read(body=BODY, headers={"x-plan": "gold"})
    assert (request.model, request.user, request.prompt.text) == ("auto", "bob", "hello")
    assert request.headers.get("x-plan") == "gold"
    completion = read(body={"model": "auto", "prompt": "hello"}, path="/v1/completions")
    assert (completion.api, completion.path) == (Api.COMPLETIONS, "/v1/completions")


@pytest.mark.parametrize("fields", [{"text": "hello"}, {"body": {"input": "hello"}}])
def test_where_prompts_are_not_read_there_is_no_api(fields: dict[str, Any]) -> None:
    request = read(**fields, path="/v1/embeddings")
    assert (request.api, request.path) == (None, "/v1/embeddings")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "expected either `text` or `body`"),
        ({"text": "a", "body": BODY}, "expected either `text` or `body`"),
        ({"body": BODY, "model": "auto"}, "model: the body itself says it; leave it out"),
        ({"body": BODY, "user": "bob"}, "user: the body itself says it; leave it out"),
        ({"body": BODY, "system": "x"}, "system: the body itself says it; leave it out"),
        ({"text": "a", "model": ""}, "model: expected 1 to 256 printable characters"),
        ({"text": "a", "model": "a\nb"}, "model: expected 1 to 256 printable characters"),
        ({"text": "a", "model": "m" * 257}, "model: expected 1 to 256 printable characters"),
        ({"text": "a", "path": "chat"}, "path: expected a path such as /v1/chat/completions"),
        ({"text": "a", "path": "/a\n"}, "path: expected a path such as /v1/chat/completions"),
        ({"text": "\udcff"}, "text: not valid unicode, expected utf-8"),
        ({"text": "a", "system": "\udcff"}, "system: not valid unicode, expected utf-8"),
        (
            {"text": "a", "system": "b", "path": "/v1/completions"},
            "system: /v1/completions has no place for a system prompt",
        ),
        (
            {"text": "a", "headers": {"Authorization": "Bearer s"}},
            f"headers: found 'Authorization', {NO_CREDENTIALS}",
        ),
        (
            {"text": "a", "headers": {":path": "/"}},
            "headers: found ':path', expected a header's name, such as x-tenant-id",
        ),
        ({"text": "a", "headers": {"x-a": "1", "X-A": "2"}}, "headers: x-a is there twice"),
        (
            {"text": "a", "headers": {"x-a": "secret\n"}},
            "headers: the value of x-a holds a control character",
        ),
    ],
)
def test_what_cannot_be_asked_is_told_by_its_place(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest) as raised:
        read(**fields)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"body": Raw(b"{")}, BadRequest),
        ({"body": Raw(b"")}, BadRequest),
        ({"body": {"model": 3}}, BadRequest),
        ({"body": BODY, "limit": 10}, PayloadTooLarge),
        ({"body": BODY, "headers": {"content-encoding": "gzip"}}, UnsupportedMediaType),
        ({"body": BODY, "headers": {"content-type": "text/plain"}}, BadRequest),
    ],
)
def test_a_body_that_the_router_refuses_is_refused_alike(
    fields: dict[str, Any], kind: type[ClientError]
) -> None:
    with pytest.raises(kind):
        read(**fields)


def test_a_misspelt_field_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `modle`"):
        msgspec.json.decode(b'{"text": "a", "modle": "b"}', type=Asked)


def test_what_is_asked_does_not_show_itself() -> None:
    assert "secret" not in repr(Asked(text="secret", headers={"x-a": "secret"}))
