"""How a body says whether the model shall reason.

Knows the fields; which API has which of them is left to the dialects, which model belongs to which
family to the catalog.
"""

from __future__ import annotations

from router.payload.content import wrong
from router.payload.document import JsonObject, Pieces, encode, kind
from router.payload.edit import Reasoning

Changes = dict[str, Pieces]

TEMPLATE_ARGUMENTS = "chat_template_kwargs"
EFFORT_ON = "medium"
EFFORT_OFF = "low"


def check_object(body: JsonObject, name: str) -> None:
    """The member `name`, if the client sent it, must be one that ours can be merged into."""
    found = kind(body.get(name))
    if found not in "{n":
        raise wrong("expected an object", name)
    if found == "{":
        body.child(name)


def template_argument(body: JsonObject, reasoning: Reasoning) -> Changes:
    """The family's switch among the client's own chat template arguments."""
    return merged(body, TEMPLATE_ARGUMENTS, reasoning.family.parameter, encode(reasoning.enabled))


def merged(body: JsonObject, name: str, key: str, value: bytes) -> Changes:
    """`key` set inside the object `name`, whose other members stay as they are."""
    if kind(body.get(name)) == "n":
        return {name: [b"{" + encode(key) + b":" + value + b"}"]}
    return {name: body.child(name).replace({key: [value]})}


def effort(reasoning: Reasoning, *, chosen_by_client: bool) -> str | None:
    """The effort to ask for, or None where the client's own choice stands.

    Switched on, the decision's effort wins over the client's, and the client's over the default.
    Switched off, the client's own choice stands, since these models cannot be silenced entirely.
    """
    if reasoning.enabled and reasoning.effort:
        return reasoning.effort
    if chosen_by_client:
        return None
    return EFFORT_ON if reasoning.enabled else EFFORT_OFF
