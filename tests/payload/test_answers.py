"""What clients are told: errors in their SDK's form, and the list of models."""

from __future__ import annotations

import json

import pytest

from router.catalog import Adapter, Catalog, Endpoint, Model, ModelRef
from router.errors import (
    BadRequest,
    ClassifierFailed,
    DeadlineExceeded,
    Overloaded,
    PayloadTooLarge,
    ProtocolError,
    RouterError,
    UnknownModel,
    UnsupportedMediaType,
)
from router.payload import render_error, render_models

OPENAI_PATHS = ["/v1/chat/completions", "/v1/responses", "/", "", "/v1/messagesx"]
ANTHROPIC_PATHS = ["/v1/messages", "/v1/messages/", "/v1/messages?beta=true"]
ERRORS = [
    # error, OpenAI's type for it, Anthropic's type for it, status, code
    (BadRequest("m"), "invalid_request_error", "invalid_request_error", 400, "invalid_request"),
    (UnknownModel("m"), "invalid_request_error", "not_found_error", 404, "model_not_found"),
    (PayloadTooLarge("m"), "invalid_request_error", "request_too_large", 413, "request_too_large"),
    (
        *(UnsupportedMediaType("m"), "invalid_request_error", "invalid_request_error"),
        *(415, "unsupported_content_encoding"),
    ),
    (Overloaded("m"), "server_error", "overloaded_error", 503, "classifier_overloaded"),
    (DeadlineExceeded("m"), "server_error", "overloaded_error", 503, "classifier_timeout"),
    (ClassifierFailed("m"), "server_error", "overloaded_error", 503, "classifier_failed"),
]


@pytest.mark.parametrize("path", OPENAI_PATHS)
@pytest.mark.parametrize(("error", "openai", "anthropic", "status", "code"), ERRORS)
def test_openai_clients_get_openais_form(
    path: str, error: RouterError, openai: str, anthropic: str, status: int, code: str
) -> None:
    answer = render_error(path, error)
    assert (answer.status, answer.details) == (status, code)
    assert ("content-type", "application/json") in answer.headers
    told = {"message": "m", "type": openai, "param": None, "code": code}
    assert json.loads(answer.body) == {"error": told}


@pytest.mark.parametrize("path", ANTHROPIC_PATHS)
@pytest.mark.parametrize(("error", "openai", "anthropic", "status", "code"), ERRORS)
def test_anthropic_clients_get_anthropics_form(
    path: str, error: RouterError, openai: str, anthropic: str, status: int, code: str
) -> None:
    answer = render_error(path, error)
    assert (answer.status, answer.details) == (status, code)
    told = {"type": "error", "error": {"type": anthropic, "message": "m"}}
    assert json.loads(answer.body) == told


def test_the_offending_field_is_named() -> None:
    answer = render_error("/v1/completions", BadRequest("model: is missing", param="model"))
    assert json.loads(answer.body)["error"]["param"] == "model"


def test_a_client_is_told_when_to_try_again_only_where_that_may_help() -> None:
    assert ("retry-after", "1") in render_error("/", Overloaded("full")).headers
    assert len(render_error("/", BadRequest("m")).headers) == 1


@pytest.mark.parametrize("path", ["/", "/v1/messages"])
def test_the_text_of_an_internal_error_stays_inside(path: str) -> None:
    answer = render_error(path, ProtocolError("peer /etc/secret\ntrace"))
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert b"the router failed on this request" in answer.body


def test_an_error_without_words_still_says_something() -> None:
    answer = render_error("/", ClassifierFailed())
    assert json.loads(answer.body)["error"]["message"] == "the router failed on this request"


def test_an_error_of_many_lines_is_told_by_its_first() -> None:
    answer = render_error("/", ClassifierFailed("graph raised\n  at line 5"))
    assert json.loads(answer.body)["error"]["message"] == "graph raised"


def a_catalog(*auto_names: str) -> Catalog:
    endpoint = Endpoint("e1", "127.0.0.1", 8000)
    adapters = (Adapter("math", "llama2-7b"), Adapter("law", "llama2-7b"))
    models = [Model("llama2-7b", (endpoint,), adapters), Model("qwen", (endpoint,))]
    return Catalog(
        {model.name: model for model in models}, {"e1": endpoint}, ModelRef("qwen"), auto_names
    )


def test_models_are_listed_auto_name_first_and_adapters_behind_their_base() -> None:
    listed = json.loads(render_models(a_catalog("MoM", "auto"), created=1700))
    assert listed["object"] == "list"
    pairs = [(card["id"], card["parent"]) for card in listed["data"]]
    assert pairs == [
        ("MoM", None),
        ("llama2-7b", None),
        ("math", "llama2-7b"),
        ("law", "llama2-7b"),
        ("qwen", None),
    ]
    assert listed["data"][2] == {
        "id": "math",
        "object": "model",
        "created": 1700,
        "owned_by": "lora-router",
        "root": "math",
        "parent": "llama2-7b",
    }


def test_without_auto_names_only_what_serves_is_listed() -> None:
    listed = json.loads(render_models(a_catalog(), created=1700))
    assert [card["id"] for card in listed["data"]] == ["llama2-7b", "math", "law", "qwen"]
