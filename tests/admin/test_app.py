"""The operators' HTTP door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from aiohttp.test_utils import TestClient, TestServer

from router.admin.app import Admin
from router.balancing import Balancer
from router.endpoints.vllm import Served
from router.reload import Outcome, Status
from router.service import Service
from router.snapshot import Snapshot
from router.telemetry import Telemetry
from router.telemetry.decision_log import DecisionLog
from router.telemetry.metrics import Metrics
from tests.conftest import PRIMARY


@dataclass
class Reloading:
    """Has the outcome that it is given."""

    outcome: Outcome = field(default_factory=lambda: Outcome(Status.RELOADED, "c0ffee", at=7.0))
    last: Outcome | None = None

    async def reload(self) -> Outcome:
        self.last = self.outcome
        return self.outcome


@dataclass
class State:
    """A process without anything that runs."""

    snapshot: Snapshot
    ready: bool = True
    balancer: Balancer = field(default_factory=Balancer)
    telemetry: Telemetry = field(default_factory=lambda: Telemetry(Metrics(), DecisionLog()))
    reloader: Reloading = field(default_factory=Reloading)

    async def reload(self) -> Outcome:
        return await self.reloader.reload()


@pytest.fixture
def state(snapshot: Snapshot) -> State:
    return State(snapshot)


@pytest.fixture
async def client(state: State) -> AsyncIterator[TestClient[Any, Any]]:
    admin = Admin(cast("Service", state))
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


async def test_explain_takes_whatever_goes_with_a_prompt(
    client: TestClient[Any, Any], signal: Any
) -> None:
    asked = {
        "text": "my landlord",
        "model": "auto",
        "user": "bob",
        "system": "be brief",
        "headers": {"X-Plan": "gold"},
        "path": "/v1/messages",
    }
    account = await (await client.post("/explain", json=asked)).json()
    assert (account["api"], account["requested_model"]) == ("/v1/messages", "auto")
    (seen,) = signal.seen
    assert (seen.user, seen.headers.get("x-plan")) == ("bob", "gold")
    assert (seen.prompt.text, seen.prompt.system) == ("my landlord", "be brief")


async def test_explain_takes_a_whole_body(client: TestClient[Any, Any], signal: Any) -> None:
    signal.confidences = {"medical": 0.9}
    body = {"model": "MoM", "prompt": "my back", "user": "bob"}
    asked = {"body": body, "path": "/v1/completions"}
    account = await (await client.post("/explain", json=asked)).json()
    assert (account["model"], account["api"]) == ("medical-lora", "/v1/completions")
    assert signal.seen[0].user == "bob"


async def test_explain_sees_what_is_known_of_endpoints_and_changes_nothing(
    client: TestClient[Any, Any], state: State, signal: Any
) -> None:
    signal.confidences = {"legal": 0.9}
    state.balancer.view.serves(PRIMARY, Served(frozenset({"llama2-7b"}), {}))
    account = await (await client.post("/explain", json={"text": "a"})).json()
    assert (account["reason"], account["model"]) == ("adapter_missing", "llama2-7b")
    assert state.balancer.view.state(PRIMARY, 0.0).load == 0.0


async def test_a_refusal_has_the_clients_status_and_the_whole_account(
    client: TestClient[Any, Any],
) -> None:
    response = await client.post("/explain", json={"text": "a", "model": "gpt-9"})
    account = await response.json()
    assert (response.status, account["status"]) == (404, 404)
    assert account["error"] == "the model `gpt-9` does not exist"
    assert (account["model"], account["decisions"]) == (None, [])


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("{", 400, "truncated"),
        (b'{"text": "a\xff"}', 400, "can't decode byte"),
        ('{"text": 3}', 400, "Expected `str`"),
        ('{"text": "a", "modle": "b"}', 400, "unknown field `modle`"),
        ('{"text": "a", "model": "gpt-9"}', 404, "does not exist"),
        ("{}", 400, "expected either `text` or `body`"),
        ('{"text": "a", "body": {}}', 400, "expected either `text` or `body`"),
        ('{"text": "a", "headers": {"cookie": "s"}}', 400, "carries no credentials"),
        ('{"text": "a", "headers": {"x-a": 1}}', 400, "Expected `str`"),
        ('{"body": {"messages": []}}', 400, "model"),
        ('{"body": [], "path": "/v1/messages"}', 400, "body"),
        ('{"body": {"model": "%s"}}' % ("m" * 5000), 413, "4096 bytes"),
        ('{"text": "a", "path": "/v1/load_lora_adapter"}', 403, "not for clients"),
    ],
)
async def test_explain_says_what_is_wrong_with_a_request(
    client: TestClient[Any, Any], body: str | bytes, status: int, message: str
) -> None:
    response = await client.post("/explain", data=body)
    assert response.status == status
    assert message in (await response.json())["error"]


async def test_a_reload_can_be_asked_for_and_its_outcome_is_told(
    client: TestClient[Any, Any], state: State
) -> None:
    response = await client.post("/reload")
    told = {"status": "reloaded", "version": "c0ffee", "problems": [], "at": 7.0}
    assert (response.status, await response.json()) == (200, told)
    ready = await (await client.get("/ready")).json()
    assert ready["last_reload"] == told


async def test_a_bad_file_is_told_and_makes_nobody_unready(
    client: TestClient[Any, Any], state: State
) -> None:
    problem = "config.yaml:1:1: default_model: missing"
    state.reloader.outcome = Outcome(Status.FAILED, "c0ffee", (problem,), 7.0)
    response = await client.post("/reload")
    assert response.status == 409
    assert (await response.json())["problems"] == [problem]
    ready = await client.get("/ready")
    assert ready.status == 200
    assert (await ready.json())["last_reload"]["status"] == "failed"
