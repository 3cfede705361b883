"""What the two tools answer: private routing logic goes here. Knows no transport and no SQL.

A tenant that is not known gets confidence 0 and no adapter: the router then goes on to its next
method and its default model. It never gets another tenant's adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenant_router.errors import BadInput
from tenant_router.split import adapter_for
from tenant_router.tenant import Find, Tenant, is_name

CATEGORY = "tenant"
TENANT_HEADER = "x-tenant-id"
USER_HEADER = "x-user-id"

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HeaderNames:
    """The request headers, in lower case, that carry the tenant's and the user's id."""

    tenant: str = TENANT_HEADER
    user: str = USER_HEADER


def categories() -> Answer:
    """The answer of `list_categories`."""
    return {
        "categories": [CATEGORY],
        "category_descriptions": {CATEGORY: "A request of a tenant that has an adapter of its own"},
    }


async def classify(arguments: Mapping[str, Any], find: Find, names: HeaderNames) -> Answer:
    """The answer of `classify_text`. The prompt, `arguments["text"]`, is not looked at.

    Raises BadInput where the headers are not texts, DatabaseError where `find` fails.
    """
    headers = arguments.get("headers") or {}
    tenant_id = _header(headers, names.tenant)
    if not tenant_id:
        return _unknown(f"no {names.tenant} header")
    if not is_name(tenant_id):
        return _unknown(f"{names.tenant} is not a tenant's id")
    tenant = await find(tenant_id)
    if tenant is None:
        return _unknown("no such tenant")
    return _known(tenant, _header(headers, names.user), arguments.get("with_probabilities") is True)


def _header(headers: object, name: str) -> str:
    if not isinstance(headers, Mapping):
        raise BadInput("headers: expected an object of texts by header name")
    value = headers.get(name, "")
    if not isinstance(value, str):
        raise BadInput(f"headers: expected a text as {name}")
    return value


def _unknown(reason: str) -> Answer:
    return {"category": CATEGORY, "class": 0, "confidence": 0.0, "reason": reason}


def _known(tenant: Tenant, user_id: str, with_probabilities: bool) -> Answer:
    if not tenant.active:
        return _unknown("the tenant is not active")
    if not tenant.shares:
        return _unknown("the tenant has no adapter")
    answer: Answer = {
        "category": CATEGORY,
        "class": 0,
        "confidence": 1.0,
        "lora_name": adapter_for(tenant.tenant_id, user_id, tenant.shares),
    }
    if with_probabilities:
        answer["probabilities"] = [1.0]
    if tenant.model is not None:
        answer["model"] = tenant.model
    if tenant.use_reasoning is not None:
        answer["use_reasoning"] = tenant.use_reasoning
    return answer
