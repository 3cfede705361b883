from __future__ import annotations

import json

import pytest

from router.testing import FakeEncoder, FakeEnvoy, InlineRouter, on_free_ports
from router.testing.inline_router import snapshot
from tests.e2e.conftest import BODY_MODES, CHAT, in_mode, question, read_config

TABLE = {"heart": "medical", "contract": "legal", "code": "technical", "cake": "general"}


async def test_a_configuration_is_compiled_without_model_files() -> None:
    compiled = await snapshot(read_config(), FakeEncoder(TABLE))
    assert set(compiled.catalog.adapters) == {"technical-lora", "medical-lora", "legal-lora"}


@pytest.mark.parametrize("mode", BODY_MODES)
@pytest.mark.parametrize("trailers", [False, True])
async def test_requests_are_routed_as_the_encoder_says(mode: str, trailers: bool) -> None:
    config = in_mode(on_free_ports(read_config(), [1]), mode)
    body = json.dumps(question("heart")).encode()
    async with (
        InlineRouter(config, FakeEncoder(TABLE)) as router,
        FakeEnvoy(config.server.extproc, body_mode=mode) as envoy,
    ):
        outcome = await envoy.request(CHAT, body, trailers=trailers, headers={"x-request-id": "7"})
    assert json.loads(outcome.body)["model"] == "medical-lora"
    assert outcome.headers["x-selected-model"] == "medical-lora"
    assert outcome.metadata["category"] == "medical"
    assert outcome.route_cleared
    assert (await router.routing("7")).category == "medical"


async def test_it_can_be_stopped_and_started() -> None:
    config = on_free_ports(read_config(), [1])
    router = InlineRouter(config, FakeEncoder(TABLE))
    for _ in range(2):
        await router.start()
        async with FakeEnvoy(config.server.extproc) as envoy:
            assert (await envoy.request("/v1/models", method="GET")).status == 200
        await router.stop()
