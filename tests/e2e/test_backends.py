"""Endpoints: how they are reached, replaced while Envoy runs, and missed when they are gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.config import Config
from router.testing import FakeBackend, free_port
from tests.e2e.conftest import (
    ADAPTERS,
    CHAT,
    NewStack,
    question,
    read_config,
    request_id,
)

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

BLOOD = "What causes high blood pressure?"


def moved(config: Config, **place: object) -> Config:
    """`config` with its only endpoint at another place."""
    (endpoint,) = config.vllm_endpoints
    return config.model_copy(update={"vllm_endpoints": (endpoint.model_copy(update=place),)})


async def test_new_clusters_are_taken_over_while_envoy_serves(new_stack: NewStack) -> None:
    async with new_stack(read_config()) as stack, FakeBackend("llama2-7b", ADAPTERS) as newcomer:
        await stack.chat(BLOOD)
        await stack.envoy.replace_clusters(moved(stack.config, port=newcomer.port))
        await stack.chat(BLOOD)
        assert [len(stack.backend.received), len(newcomer.received)] == [1, 1]


@pytest.mark.parametrize("address", ["localhost", "::1"])
async def test_endpoints_are_reached_by_name_and_over_ipv6(
    new_stack: NewStack, backend: FakeBackend, address: str
) -> None:
    async with (
        new_stack(read_config()) as stack,
        FakeBackend("llama2-7b", ADAPTERS, host=address) as there,
    ):
        await stack.envoy.replace_clusters(moved(stack.config, address=address, port=there.port))
        reply = await stack.chat(BLOOD)
        assert reply.status == 200
        assert there.received[0].json["model"] == "medical-lora"


@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
async def test_an_endpoint_that_is_gone_is_told_as_json(new_stack: NewStack, path: str) -> None:
    async with new_stack(read_config()) as stack:
        await stack.envoy.replace_clusters(moved(stack.config, port=free_port()))
        marked = request_id()
        body = question(BLOOD, max_tokens=1)
        reply = await stack.send("POST", path, json=body, headers=marked)
        assert reply.status == 503
        assert reply.headers["content-type"] == "application/json"
        kind = "server_error" if path == CHAT else "overloaded_error"
        assert reply.error["type"] == kind
        assert reply.chosen["selected-model"] == "medical-lora"
        line = await stack.envoy.logged(marked["x-request-id"])
        # Its health check has found out by now: nothing is tried in vain.
        assert (line["cluster"], line["details"]) == ("vllm-primary", "no_healthy_upstream")


async def test_the_router_is_reached_over_a_unix_socket(
    new_stack: NewStack, tmp_path: Path
) -> None:
    config = read_config()
    address = f"unix:{tmp_path}/router.sock"
    async with new_stack(config, extproc=address) as stack:
        reply = await stack.chat(BLOOD)
        assert reply.chosen["selected-category"] == "medical"
