"""The main job: a prompt enters Envoy, the right adapter's backend answers."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import QUERIES, Stack

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(("text", "category"), QUERIES.items())
async def test_a_question_reaches_its_adapter(stack: Stack, text: str, category: str) -> None:
    reply = await stack.chat(text)
    received = await stack.backend.arrived()
    print(reply, received.raw_headers, received.body, stack.envoy.access_log())
    assert reply.status == 200
