"""A tenant as a value, and which texts may name one. Knows no database and no MCP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tenant_router.errors import BadInput

LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant: its adapters with their shares of its users, and how its requests are served.

    Shares are positive and count in proportion to each other. `model` is the adapters' base model,
    None where the router may find it by the adapter; `use_reasoning` is None where the tenant does
    not say.
    """

    tenant_id: str
    shares: Mapping[str, float] = field(default_factory=dict)
    model: str | None = None
    use_reasoning: bool | None = None
    active: bool = True


# Finds a tenant by its id, None where there is none. Raises DatabaseError.
Find = Callable[[str], Awaitable[Tenant | None]]


def is_name(text: str) -> bool:
    """Whether `text` may be a tenant's id, an adapter's or a model's name.

    Any script and any punctuation will do, quotes included; control characters, line ends and
    halves of surrogate pairs will not, and neither will more than 200 characters.
    """
    return 0 < len(text) <= LONGEST_NAME and text.isprintable()


def require_name(what: str, text: str) -> str:
    """`text`, if it may be a name. Raises BadInput."""
    if not is_name(text):
        raise BadInput(f"{what}: expected 1 to {LONGEST_NAME} printable characters")
    return text
