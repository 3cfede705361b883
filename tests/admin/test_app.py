"""The operators' HTTP door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from router.admin.app import Admin
from router.snapshot import Snapshot
from router.telemetry.metrics import Metrics


class State:
    ready = True


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
async def client(snapshot: Snapshot, state: State) -> AsyncIterator[TestClient[Any, Any]]:
    admin = Admin(lambda: snapshot, Metrics(), lambda: state.ready)
    async with TestClient(TestServer(admin.application())) as client:
        yield client


async def test_health_answers(client: TestClient[Any, Any]) -> None:
    response = await client.get("/health")
    assert (response.status, await response.json()) == (200, {"status": "ok"})


async def test_readiness_follows_the_process_and_names_the_config_version(
    client: TestClient[Any, Any], state: State
) -> None:
    assert (await client.get("/ready")).status == 200
    state.ready = False
    response = await client.get("/ready")
    assert response.status == 503
    assert await response.json() == {"status": "not_ready", "config_version": "c0ffee"}


async def test_metrics_are_served_as_prometheus_text(client: TestClient[Any, Any]) -> None:
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "llm_model_routing_latency_seconds" in await response.text()


async def test_explain_gives_the_account_of_one_prompt(
    client: TestClient[Any, Any], signal: Any
) -> None:
    signal.confidences = {"legal": 0.9}
    account = await (await client.post("/explain", json={"text": "my landlord"})).json()
    assert (account["category"], account["model"]) == ("legal", "legal-lora")
    assert account["endpoint"] == "vllm-primary"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("{", 400, "truncated"),
        (b'{"text": "a\xff"}', 400, "can't decode byte"),
        ('{"text": 3}', 400, "Expected `str`"),
        ('{"text": "a", "modle": "b"}', 400, "unknown field `modle`"),
        ('{"text": "a", "model": "gpt-9"}', 404, "does not exist"),
    ],
)
async def test_explain_says_what_is_wrong_with_a_request(
    client: TestClient[Any, Any], body: str | bytes, status: int, message: str
) -> None:
    response = await client.post("/explain", data=body)
    assert response.status == status
    assert message in (await response.json())["error"]
