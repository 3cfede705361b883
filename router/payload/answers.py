"""What the router itself writes to clients: errors in the caller's format, and the model list.

Knows the shapes that the OpenAI and Anthropic SDKs expect; which error is raised when is left to
the rooms that raise them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from router.catalog import Catalog, ModelRef
from router.errors import ClientError, RouterError
from router.mutation import ImmediateResponse
from router.request import Api

OWNER = "lora-router"
RETRY_AFTER_SECONDS = "1"

_ANTHROPIC_TYPES = {
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    503: "overloaded_error",
}
_INTERNAL = "the router failed on this request"
_CONTENT_TYPE = ("content-type", "application/json")


def render_error(path: str, error: RouterError) -> ImmediateResponse:
    """`error` as the SDK behind `path` understands it.

    Only what is the client's business is told: an error inside the router keeps its text for the
    log.
    """
    body = _anthropic_error(error) if _is_anthropic(path) else _openai_error(error)
    retry = (("retry-after", RETRY_AFTER_SECONDS),) if error.status == 503 else ()
    return ImmediateResponse(
        status=error.status,
        body=msgspec.json.encode(body),
        headers=(_CONTENT_TYPE, *retry),
        details=error.code,
    )


def render_models(catalog: Catalog, created: int, found: Iterable[ModelRef] = ()) -> bytes:
    """The answer to `GET /v1/models`: the auto name, the base models, each before its adapters.

    `found` are adapters besides those of the catalog.
    """
    cards = [*_cards(catalog, created)]
    cards += (_card(ref.served_name, created, parent=ref.model) for ref in found)
    return msgspec.json.encode({"object": "list", "data": cards})


def _cards(catalog: Catalog, created: int) -> Iterator[dict[str, object]]:
    for name in catalog.auto_names[:1]:
        yield _card(name, created)
    for model in catalog.models.values():
        yield _card(model.name, created)
        for adapter in model.adapters:
            yield _card(adapter.name, created, parent=model.name)


def _card(name: str, created: int, parent: str | None = None) -> dict[str, object]:
    return {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": OWNER,
        "root": name,
        "parent": parent,
    }


def _is_anthropic(path: str) -> bool:
    path = path.partition("?")[0]
    return path == Api.MESSAGES or path.startswith(f"{Api.MESSAGES.value}/")


def _openai_error(error: RouterError) -> dict[str, object]:
    client = error if isinstance(error, ClientError) else None
    return {
        "error": {
            "message": _message(error),
            "type": "invalid_request_error" if client else "server_error",
            "param": client.param if client else None,
            "code": error.code,
        }
    }


def _anthropic_error(error: RouterError) -> dict[str, object]:
    otherwise = "invalid_request_error" if isinstance(error, ClientError) else "api_error"
    kind = _ANTHROPIC_TYPES.get(error.status, otherwise)
    return {"type": "error", "error": {"type": kind, "message": _message(error)}}


def _message(error: RouterError) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines and error.status != 500 else _INTERNAL
