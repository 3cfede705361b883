"""Request bodies: the only place that knows vendors' JSON.

    find_api, check_head     the head: which API, and whether its body can be read
    parse                    bytes → Payload: a neutral view, and a body that can be rewritten
    Payload.rewrite(Edit)    the same bytes but for a model, a system prompt, a reasoning switch
    render_error             an error in the caller's own format
    render_models            the list of models

What to change is left to the rooms above; nothing here looks at what a prompt says.
"""

from __future__ import annotations

from router.errors import BadRequest
from router.payload.answers import render_error, render_models
from router.payload.anthropic import Messages
from router.payload.body import TOO_DEEP, RequestBody
from router.payload.document import read_body
from router.payload.edit import Edit, Payload, Reasoning, SystemPrompt, SystemPromptMode
from router.payload.head import check_head, find_api
from router.payload.openai import ChatCompletions, Completions, Responses
from router.request import Api

__all__ = [
    "Api",
    "Edit",
    "Payload",
    "Reasoning",
    "SystemPrompt",
    "SystemPromptMode",
    "check_head",
    "find_api",
    "parse",
    "render_error",
    "render_models",
]

_DIALECTS: dict[Api, type[RequestBody]] = {
    dialect.api: dialect for dialect in (ChatCompletions, Completions, Responses, Messages)
}


def parse(api: Api, body: bytes) -> Payload:
    """Read a request body. Raises BadRequest for whatever the backend could not serve either."""
    try:
        return _DIALECTS[api](read_body(body))
    except RecursionError:
        raise BadRequest(TOO_DEEP) from None
