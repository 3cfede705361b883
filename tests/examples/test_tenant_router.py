"""The router and the example together: the configuration as it is shipped, a server, a database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from tenant_router.database import open_database
from tenant_router.tenant import Tenant

from router.config import load
from router.holdings import Holdings
from router.request import Api, Headers, InferenceRequest, Prompt, Turn
from router.routing import Routing, route
from router.snapshot import Snapshot, compile_snapshot

CONFIG = Path(__file__).parents[2] / "config" / "multi-tenant.yaml"
TENANTS = [
    Tenant("tenant-0001", {"tenant-0001-lora": 1.0}, "llama2-7b"),
    Tenant("tenant-0002", {"tenant-0002-lora": 50.0, "tenant-0002-lora-v2": 50.0}),
    Tenant("tenant-0003", {"tenant-0003-lora": 1.0}, active=False),
    Tenant("tenant-0500", {"not-in-the-configuration": 1.0}),
]


@pytest.fixture
async def snapshot(
    serving: Callable[..., AbstractAsyncContextManager[str]],
    sqlite_address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Snapshot]:
    """The shipped configuration, compiled and connected to a server of these tenants.

    It waits longer for answers than the one that is shipped: the tests' machine may be busy.
    """
    patient = tmp_path / CONFIG.name
    patient.write_text(CONFIG.read_text().replace("timeout_seconds: 0.5", "timeout_seconds: 30"))
    database = open_database(sqlite_address)
    database.create()
    with database.edit() as table:
        table.put(TENANTS)
    async with serving(sqlite_address) as url:
        monkeypatch.setenv("TENANT_ROUTER_URL", url)
        loaded = load(patient)
        settings = loaded.config.classifier.mcp_category_model
        assert settings is not None
        holdings = Holdings()
        try:
            compiled = await compile_snapshot(loaded, holdings)
            assert await holdings.lease().mcp_server(settings).tried(30.0)
            yield compiled
        finally:
            await holdings.close()


async def routed(snapshot: Snapshot, **headers: str) -> Routing:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    prompt = Prompt((Turn("user", "hello"),))
    return await route(
        snapshot, InferenceRequest(Api.CHAT_COMPLETIONS, "MoM", prompt, headers=Headers(named))
    )


async def test_each_tenant_is_routed_to_its_adapter(snapshot: Snapshot) -> None:
    assert (await routed(snapshot, x_tenant_id="tenant-0001")).model == "tenant-0001-lora"


async def test_the_users_of_a_trial_are_divided_and_keep_their_adapters(snapshot: Snapshot) -> None:
    users = [f"user-{number}" for number in range(20)] * 2
    models = [
        (await routed(snapshot, x_tenant_id="tenant-0002", x_user_id=user)).model for user in users
    ]
    assert set(models) == {"tenant-0002-lora", "tenant-0002-lora-v2"}
    assert models[:20] == models[20:]


async def test_whoever_is_no_active_tenant_gets_the_default_model(snapshot: Snapshot) -> None:
    for tenant in ("nobody", "tenant-0003", "' OR 1=1 --", "a" * 10_240, ""):
        routing = await routed(snapshot, x_tenant_id=tenant)
        assert routing.model == "llama2-7b"
        assert [report.error for report in routing.reports] == [None]
    assert (await routed(snapshot)).model == "llama2-7b"


async def test_an_adapter_that_the_configuration_does_not_list_is_not_asked_for(
    snapshot: Snapshot,
) -> None:
    routing = await routed(snapshot, x_tenant_id="tenant-0500")
    assert routing.model == "llama2-7b"
    assert [report.error is not None for report in routing.reports] == [True]
