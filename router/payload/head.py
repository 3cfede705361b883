"""What the request's head alone tells: which API it asks for, and whether its body is readable.

Knows media types, encodings and lengths; the body itself is left to the dialects.
"""

from __future__ import annotations

from router.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType
from router.request import Api, HttpMessage

_BY_PATH = {api.value: api for api in Api}
_LONGEST_LENGTH = 19


def find_api(method: str, path: str) -> Api | None:
    """The API at `path` (without a query), or None. One trailing slash is tolerated."""
    return _BY_PATH.get(path.removesuffix("/")) if method == "POST" else None


def check_head(head: HttpMessage, *, max_body_bytes: int) -> None:
    """Refuse a body that need not be awaited: not JSON, compressed, or too large.

    A missing content type is taken for JSON.
    """
    _check_type(head.headers.get("content-type"))
    if "content-encoding" in head.headers:
        _check_encoding([value for name, value in head.headers if name == "content-encoding"])
    _check_length(head.headers.get("content-length"), max_body_bytes)


def _check_type(value: str) -> None:
    media_type = value.partition(";")[0].strip().lower()
    if media_type in ("", "application/json"):
        return
    # In a call of gRPC a frame comes before the JSON.
    is_json = media_type.startswith("application/") and media_type.endswith("+json")
    if is_json and not media_type.startswith("application/grpc"):
        return
    raise BadRequest(f"content-type is {media_type[:80]!r}, expected application/json")


def _check_encoding(values: list[str]) -> None:
    for coding in ",".join(values).split(","):
        if coding.strip().lower() not in ("", "identity"):
            raise UnsupportedMediaType(
                f"content-encoding {coding.strip()[:40]!r} is not read here, send it uncompressed"
            )


def _check_length(value: str, max_body_bytes: int) -> None:
    if not (value.isascii() and value.isdigit()):
        return  # absent with chunked encoding; a malformed one is refused by Envoy
    if len(value) > _LONGEST_LENGTH or int(value) > max_body_bytes:
        raise PayloadTooLarge(f"body is larger than the limit of {max_body_bytes} bytes")
