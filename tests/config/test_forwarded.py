"""The headers that Envoy must show to the router, wherever a configuration names them."""

from __future__ import annotations

import pytest
import yaml

from router.config import Config, forwarded_headers
from tests.config.conftest import SOUND

TARGET = "modelRefs: [{model: base}]"


def headers_of(text: str) -> tuple[str, ...]:
    return forwarded_headers(
        Config.model_validate({**yaml.safe_load(SOUND), **yaml.safe_load(text)})
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", ()),
        ("signals: {requests: [{name: a, headers: {X-Plan: gold}}]}", ("x-plan",)),
        ("signals: {requests: [{name: a, model: gpt-4o}]}", ()),
        (
            "routing_rules: [{match: {headers: {x-team: [a, b]}}, route: {backend: vllm-a}}]",
            ("x-team",),
        ),
        ("routing_rules: [{fallback: {route: {backend: vllm-a}}}]", ()),
        ("model_selection: {sticky_key: 'header:X-Session'}", ("x-session",)),
        ("model_selection: {sticky_key: user}", ()),
        (
            f"decisions: [{{name: a, {TARGET}, model_selection: {{sticky_key: 'header:x-a'}}}}]",
            ("x-a",),
        ),
        (
            (
                "categories: [{name: law, model_scores: [{model: base, score: 1}], "
                "model_selection: {sticky_key: 'header:x-b'}}]"
            ),
            ("x-b",),
        ),
        (
            (
                "classifier: {mcp_category_model: {enabled: true, url: 'http://x/mcp', "
                "forward_headers: [x-tenant-id]}}"
            ),
            ("x-tenant-id",),
        ),
        (
            (
                "classifier: {mcp_category_model: {url: 'http://x/mcp', "
                "forward_headers: [x-tenant-id]}}"
            ),
            (),
        ),
    ],
)
def test_a_header_that_is_read_is_forwarded(text: str, expected: tuple[str, ...]) -> None:
    assert headers_of(text) == expected


def test_headers_stand_once_and_in_alphabetical_order() -> None:
    text = """
signals:
  requests:
    - {name: a, headers: {x-c: "1", X-A: "1"}}
    - {name: b, headers: {x-b: "1", x-a: "2"}}
model_selection: {sticky_key: "header:x-c"}
"""
    assert headers_of(text) == ("x-a", "x-b", "x-c")
