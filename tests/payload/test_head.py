"""Which API a request asks for, and which requests are refused before their body has arrived."""

from __future__ import annotations

import pytest

from router.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType
from router.payload import check_head, find_api
from router.request import Api, Headers, HttpMessage


def check(*headers: tuple[str, str], limit: int = 1000) -> None:
    check_head(HttpMessage(Headers(headers)), max_body_bytes=limit)


@pytest.mark.parametrize("api", list(Api))
def test_every_api_is_found_at_its_path_with_or_without_a_trailing_slash(api: Api) -> None:
    assert find_api("POST", api.value) is api
    assert find_api("POST", f"{api.value}/") is api


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/chat/completions"),
        ("", "/v1/chat/completions"),
        ("POST", ""),
        ("POST", "/"),
        ("POST", "/v1/models"),
        ("POST", "/V1/chat/completions"),
        ("POST", "/openai/v1/chat/completions"),
        ("POST", "/v1/chat/completions/x"),
        ("POST", "/v1/messages/count_tokens"),
        ("POST", "/v1/messages/batches"),
    ],
)
def test_other_methods_and_paths_are_no_api(method: str, path: str) -> None:
    assert find_api(method, path) is None


@pytest.mark.parametrize(
    "value",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/vnd.api+json",
        "application/json ;x=y",
        "",
    ],
)
def test_json_media_types_are_taken(value: str) -> None:
    check(("content-type", value))


def test_a_missing_content_type_is_taken_for_json() -> None:
    check()


@pytest.mark.parametrize(
    "value",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; b=c",
        "json",
        "application/grpc",
        "application/grpc+json",
        "application/grpc-web+json",
    ],
)
def test_other_media_types_are_refused_with_400(value: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check(("content-type", value))
    found = value.partition(";")[0]
    assert str(caught.value) == f"content-type is '{found}', expected application/json"
    assert caught.value.status == 400


@pytest.mark.parametrize("value", ["identity", "", "Identity, identity"])
def test_an_uncompressed_body_is_taken(value: str) -> None:
    check(("content-encoding", value))


@pytest.mark.parametrize(
    "values", [["gzip"], ["br"], ["identity, zstd"], ["identity", "gzip"], ["x-unheard-of"]]
)
def test_a_compressed_body_is_refused_with_415_and_the_way_out(values: list[str]) -> None:
    with pytest.raises(UnsupportedMediaType, match=r"send it uncompressed$") as caught:
        check(*(("content-encoding", value) for value in values))
    assert caught.value.status == 415


def test_a_body_of_the_limits_length_is_taken() -> None:
    check(("content-length", "1000"))


@pytest.mark.parametrize("length", ["1001", "9" * 19, "9" * 5000])
def test_a_longer_body_is_refused_with_413_before_it_arrives(length: str) -> None:
    with pytest.raises(PayloadTooLarge, match=r"^body is larger than the limit of 1000 bytes$"):
        check(("content-length", length))


@pytest.mark.parametrize("length", ["", "-1", "1e9", "٩٩٩٩", "many"])
def test_a_length_that_is_no_number_is_left_to_envoy(length: str) -> None:
    check(("content-length", length))


def test_the_refusal_of_an_odd_media_type_stays_one_short_line() -> None:
    with pytest.raises(BadRequest) as caught:
        check(("content-type", "a\nb" + "x" * 5000))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200
