"""What the tools answer, and above all to whom they give no adapter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenant_router.answers import Answer, HeaderNames, categories, classify
from tenant_router.errors import BadInput
from tenant_router.tenant import Tenant

TENANTS = {
    "acme": Tenant("acme", {"acme-lora": 1.0}),
    "trial": Tenant("trial", {"trial-a": 50.0, "trial-b": 50.0}, "llama2-7b", True),
    "plain": Tenant("plain", {"plain-lora": 1.0}, use_reasoning=False),
    "asleep": Tenant("asleep", {"asleep-lora": 1.0}, active=False),
    "bare": Tenant("bare"),
}


class Looked:
    """A database that remembers what it was asked."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def __call__(self, tenant_id: str) -> Tenant | None:
        self.ids.append(tenant_id)
        return TENANTS.get(tenant_id)


async def ask(headers: Any, find: Looked | None = None, **arguments: object) -> Answer:
    return await classify(
        {"text": "hello", "headers": headers, **arguments}, find or Looked(), HeaderNames()
    )


def unknown(answer: Mapping[str, object]) -> bool:
    return answer["confidence"] == 0.0 and "lora_name" not in answer and "model" not in answer


def test_the_only_category_is_the_tenant() -> None:
    answer = categories()
    assert answer["categories"] == ["tenant"]
    assert answer["category_descriptions"].keys() == {"tenant"}


async def test_a_tenant_gets_its_adapter() -> None:
    assert await ask({"x-tenant-id": "acme"}) == {
        "category": "tenant",
        "class": 0,
        "confidence": 1.0,
        "lora_name": "acme-lora",
    }


async def test_the_base_model_and_the_reasoning_are_named_where_the_tenant_says_so() -> None:
    answer = await ask({"x-tenant-id": "trial", "x-user-id": "u"})
    assert (answer["model"], answer["use_reasoning"]) == ("llama2-7b", True)
    assert (await ask({"x-tenant-id": "plain"}))["use_reasoning"] is False


async def test_probabilities_are_given_when_asked_for_one_for_each_category() -> None:
    answer = await ask({"x-tenant-id": "acme"}, with_probabilities=True)
    assert answer["probabilities"] == [1.0]


async def test_the_users_of_a_trial_are_divided_and_each_keeps_its_adapter() -> None:
    seen = set()
    for number in range(40):
        headers = {"x-tenant-id": "trial", "x-user-id": f"user-{number}"}
        first, second = await ask(headers), await ask(headers)
        assert first == second
        seen.add(first["lora_name"])
    assert seen == {"trial-a", "trial-b"}


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (None, "no x-tenant-id header"),
        ({}, "no x-tenant-id header"),
        ({"x-tenant-id": ""}, "no x-tenant-id header"),
        ({"x-user-id": "acme"}, "no x-tenant-id header"),
        ({"x-tenant-id": "nobody"}, "no such tenant"),
        ({"x-tenant-id": "ACME"}, "no such tenant"),
        ({"x-tenant-id": "acme "}, "no such tenant"),
        ({"x-tenant-id": "acme,trial"}, "no such tenant"),
        ({"x-tenant-id": "acme\0"}, "x-tenant-id is not a tenant's id"),
        ({"x-tenant-id": "acme\ud800"}, "x-tenant-id is not a tenant's id"),
        ({"x-tenant-id": "a" * 10_240}, "x-tenant-id is not a tenant's id"),
        ({"x-tenant-id": "asleep"}, "the tenant is not active"),
        ({"x-tenant-id": "bare"}, "the tenant has no adapter"),
    ],
    ids=lambda value: ascii(value)[:40],
)
async def test_whoever_is_no_active_tenant_gets_no_adapter_and_a_reason(
    headers: Any, reason: str
) -> None:
    answer = await ask(headers, with_probabilities=True)
    assert unknown(answer)
    assert answer["reason"] == reason


@given(tenant_id=st.text(max_size=300), user=st.text(max_size=300))
async def test_no_text_whatever_leads_to_the_adapter_of_somebody_else(
    tenant_id: str, user: str
) -> None:
    answer = await ask({"x-tenant-id": tenant_id, "x-user-id": user})
    tenant = TENANTS.get(tenant_id)
    assert (
        unknown(answer) if tenant is None else answer.get("lora_name", "") in {"", *tenant.shares}
    )


async def test_what_cannot_be_an_id_does_not_reach_the_database() -> None:
    find = Looked()
    for text in ("", "\n", "a" * 201, "\ud800", "a\x7f"):
        await ask({"x-tenant-id": text}, find)
    assert find.ids == []
    await ask({"x-tenant-id": "'; DROP TABLE tenants; --"}, find)
    assert find.ids == ["'; DROP TABLE tenants; --"]


@pytest.mark.parametrize(
    "headers",
    [["acme"], "x-tenant-id: acme", 7, {"x-tenant-id": 7}, {"x-tenant-id": ["acme"]}],
    ids=str,
)
async def test_headers_of_a_wrong_type_are_an_error_that_quotes_nothing(headers: Any) -> None:
    with pytest.raises(BadInput, match=r"^headers: expected") as caught:
        await ask(headers)
    assert "acme" not in str(caught.value)


async def test_other_headers_may_carry_the_ids() -> None:
    names = HeaderNames("x-jwt-org", "x-jwt-sub")
    headers = {"x-jwt-org": "acme", "x-tenant-id": "trial"}
    answer = await classify({"headers": headers}, Looked(), names)
    assert answer["lora_name"] == "acme-lora"
