"""What is to be explained: a prompt and what goes with it, or a whole body as a client posts it.

Knows the fields, which are the same on the command line, in rows of a file and in `POST /explain`,
and what is wrong with them. Leaves where they come from to its callers.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from router.config.texts import forwarded_header
from router.errors import BadRequest
from router.payload import check_head, find_api, parse
from router.payload.body import MAX_MODEL_NAME
from router.request import Api, Headers, HttpMessage, InferenceRequest, Prompt, Turn

_DEFAULT_PATH = Api.CHAT_COMPLETIONS.value


class Asked(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Either `text`, a prompt, or `body`, the JSON that a client posts to `path`."""

    text: str | UnsetType = UNSET
    body: Raw | UnsetType = UNSET
    model: str | None = None
    user: str | None = None
    system: str | None = None
    headers: dict[str, str] = {}
    path: str | None = None

    def __repr__(self) -> str:
        return "Asked(...)"  # it holds a prompt, and headers

    def request(self, *, auto_name: str, max_body_bytes: int) -> InferenceRequest:
        """The request that a client would send; where it names no model, it asks for `auto_name`.

        Its `api` is None where prompts at `path` are not read. Raises ClientError, for a body the
        very one that a client gets.
        """
        headers = _headers(self.headers.items())
        path = _path(_DEFAULT_PATH if self.path is None else self.path)
        api = find_api("POST", path)
        if self.body is not UNSET and self.text is UNSET:
            return self._with_body(bytes(self.body), api, headers, path, max_body_bytes)
        if self.body is not UNSET or self.text is UNSET:
            raise BadRequest("expected either `text` or `body`")
        model = _model(auto_name if self.model is None else self.model)
        prompt = Prompt((Turn("user", _text("text", self.text)),), self._system(api))
        return InferenceRequest(
            api, model, prompt, user=self.user or None, headers=headers, path=path
        )

    def _with_body(
        self, body: bytes, api: Api | None, headers: Headers, path: str, max_body_bytes: int
    ) -> InferenceRequest:
        for name in ("model", "user", "system"):
            if getattr(self, name) is not None:
                raise BadRequest(f"{name}: the body itself says it; leave it out")
        length = ("content-length", str(len(body)))
        check_head(HttpMessage(Headers((*headers, length))), max_body_bytes=max_body_bytes)
        if api is None:
            return InferenceRequest(None, "", Prompt(), headers=headers, path=path)
        return replace(parse(api, body).request, headers=headers, path=path)

    def _system(self, api: Api | None) -> str:
        if self.system and api is Api.COMPLETIONS:
            raise BadRequest(f"system: {api.value} has no place for a system prompt")
        return _text("system", self.system or "")


def _text(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadRequest(f"{name}: not valid unicode, expected utf-8") from None
    return value


def _model(name: str) -> str:
    if not name or len(name) > MAX_MODEL_NAME or not name.isprintable():
        raise BadRequest(f"model: expected 1 to {MAX_MODEL_NAME} printable characters")
    return name


def _path(path: str) -> str:
    """`path` without its query, which nothing here reads."""
    if not path.startswith("/") or not path.isprintable():
        raise BadRequest(f"path: expected a path such as {_DEFAULT_PATH}")
    return path.partition("?")[0]


def _headers(pairs: Iterable[tuple[str, str]]) -> Headers:
    """The headers as Envoy shows them: no credentials. Values appear in no error."""
    named: dict[str, str] = {}
    for name, value in pairs:
        try:
            lower = forwarded_header(name)
        except ValueError as error:
            raise BadRequest(f"headers: {error}") from None
        if lower in named:
            raise BadRequest(f"headers: {lower} is there twice")
        if not value.isprintable():
            raise BadRequest(f"headers: the value of {lower} holds a control character")
        named[lower] = value
    return Headers(named.items())
