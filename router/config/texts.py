"""The kinds of text that a configuration holds, and what each may look like.

Every name ends up as a header value or an Envoy cluster, so that each is checked here, once, with a
message for the person who wrote it. Which names must exist elsewhere is another file's matter.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Strict

MAX_NAME_BYTES = 256
RESERVED_CLUSTER = "lora_router"

_CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*\Z")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?\Z")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_TOKENS = re.compile(r"(?P<number>[0-9]{1,12})(?P<unit>[KkMm]?)")
CREDENTIALS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key"}
)
# What frames a message and says where it goes, and what the router and Envoy tell each other.
_FRAMING = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_INTERNAL = ("x-envoy-", "x-selected-", "x-vsr-")
_NUMERIC = re.compile(r"[0-9.]+\Z")
_MAX_SHOWN = 60


def shown(value: object) -> str:
    """`value` as messages quote it: one line, bounded, escapes visible."""
    if isinstance(value, str):
        text = value if len(value) <= _MAX_SHOWN else value[: _MAX_SHOWN - 1] + "…"
        return repr(text)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if value is None:
        return "an empty value"
    return "a mapping" if isinstance(value, dict) else "a list"


def header_safe(name: str) -> str:
    """A name that can stand in a header: printable, not padded, not too long."""
    if not name.strip():
        raise ValueError(f"found {shown(name)}, expected a name that is not blank")
    if not name.isprintable():
        odd = next(char for char in name if not char.isprintable())
        raise ValueError(
            f"found {shown(name)}, expected printable characters: names become header values, "
            f"which cannot hold U+{ord(odd):04X}"
        )
    if name != name.strip():
        raise ValueError(f"found {shown(name)}, expected no blanks at either end")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise ValueError(
            f"found a name of {len(name.encode())} bytes, expected at most {MAX_NAME_BYTES}"
        )
    return name


def cluster_name(name: str) -> str:
    """A name that Envoy takes for a cluster and for the header that selects it."""
    header_safe(name)
    if not _CLUSTER.match(name):
        raise ValueError(
            f"found {shown(name)}, expected letters, digits and . _ / - beginning with a letter "
            "or digit: the endpoint's name is its Envoy cluster"
        )
    if name.startswith(RESERVED_CLUSTER):
        raise ValueError(
            f"found {shown(name)}, expected a name that does not begin with "
            f"{RESERVED_CLUSTER!r}: the router's own clusters do"
        )
    return name


def host(address: str) -> str:
    """A host name or an IP address, without brackets, scheme, port or path."""
    bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    complaint = _host_complaint(address, bare)
    if complaint:
        raise ValueError(f"found {shown(address)}, expected {complaint}")
    return bare


def _host_complaint(address: str, bare: str) -> str | None:
    if not bare.strip():
        return "a host name or an IP address"
    if "://" in address:
        return "a host name or an IP address without a scheme"
    if "/" in address:
        return "a host name or an IP address without a path"
    if any(char.isspace() for char in address):
        return "a host name or an IP address without blanks"
    if re.fullmatch(r"[^:]+:\d*|\[.*\]:\d*", address):
        return "an address without a port; the port has a key of its own"
    return None if _is_ip(bare) else _name_complaint(address)


def _name_complaint(name: str) -> str | None:
    if ":" in name:
        return "an IPv6 address such as 2001:db8::1"
    if _NUMERIC.match(name):
        return "an IPv4 address such as 10.0.0.7"
    if not name.isascii():
        return "an ASCII host name; write an international one in its xn-- form"
    return None if _HOST.match(name) else "a host name such as vllm.internal, or an IP address"


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def tcp_address(text: str) -> str:
    """`host:port` or `[IPv6]:port`."""
    name, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise ValueError(
            f"found {shown(text)}, expected host:port with a port from 1 to 65535, "
            "such as 127.0.0.1:9190"
        )
    if _is_ip(name) and ":" in name:
        raise ValueError(f"found {shown(text)}, expected brackets around the IPv6 address")
    host(name)
    return text


def socket_address(text: str) -> str:
    """`host:port`, `[IPv6]:port`, or `unix:` and the path of a socket."""
    scheme, _, path = text.partition(":")
    if scheme != "unix":
        return tcp_address(text)
    if not path.strip() or not path.isprintable():
        raise ValueError(
            f"found {shown(text)}, expected unix: and a path, such as unix:/run/r.sock"
        )
    return text


def header_name(name: str) -> str:
    """A header's name in lower case."""
    if not _HEADER.fullmatch(name):
        raise ValueError(f"found {shown(name)}, expected a header's name, such as x-tenant-id")
    return name.lower()


def forwarded_header(name: str) -> str:
    """A header that Envoy may show to the router: none that carries credentials."""
    if header_name(name) in CREDENTIALS:
        raise ValueError(
            f"found {shown(name)}, expected a header that carries no credentials: those never "
            "reach the router"
        )
    return name.lower()


def mutable_header(name: str) -> str:
    """A header of requests that an operator may have set or removed, in lower case."""
    folded = name.lower()
    if folded in _FRAMING or folded.startswith((":", *_INTERNAL)):
        raise ValueError(
            f"found {shown(name)}, expected a header that neither frames the message nor belongs "
            f"to envoy or the router ({', '.join(f'{prefix}*' for prefix in _INTERNAL)})"
        )
    return header_name(name)


def header_text(value: str) -> str:
    """A header's value."""
    if not value.isprintable():
        raise ValueError(f"found {shown(value)}, expected printable characters")
    return value


def keyword(text: str) -> str:
    """A keyword; a blank one would match everything."""
    if not text.strip():
        raise ValueError(f"found {shown(text)}, expected a keyword that is not blank")
    return text


def sticky_key(text: str) -> str:
    """`user`, `conversation`, or `header:` and a name."""
    kind, colon, name = text.partition(":")
    if not colon and kind in ("user", "conversation"):
        return text
    if kind == "header" and colon:
        return f"header:{forwarded_header(name)}"
    raise ValueError(
        f"found {shown(text)}, expected user, conversation, or header: and a name, such as "
        "header:x-user-id"
    )


def token_count(value: object) -> object:
    """A number of tokens; text may say thousands and millions: `8K` is 8000, `1M` a million."""
    if not isinstance(value, str):
        return value
    match = _TOKENS.fullmatch(value)
    if match is None:
        raise ValueError(f"found {shown(value)}, expected a number of tokens, such as 8000 or 8K")
    return int(match["number"]) * {"": 1, "k": 1_000, "m": 1_000_000}[match["unit"].lower()]


def as_list(value: object) -> object:
    """One text as a list of it."""
    return (value,) if isinstance(value, str) else value


Name = Annotated[str, AfterValidator(header_safe)]
HeaderName = Annotated[str, AfterValidator(header_name)]
ForwardedHeader = Annotated[str, AfterValidator(forwarded_header)]
MutableHeader = Annotated[str, AfterValidator(mutable_header)]
HeaderText = Annotated[str, AfterValidator(header_text)]
Keyword = Annotated[str, AfterValidator(keyword)]
StickyKey = Annotated[str, AfterValidator(sticky_key)]
Patterns = Annotated[tuple[Keyword, ...], Strict(False), BeforeValidator(as_list)]
TokenCount = Annotated[int, BeforeValidator(token_count)]
ClusterName = Annotated[str, AfterValidator(cluster_name)]
Host = Annotated[str, AfterValidator(host)]
TcpAddress = Annotated[str, AfterValidator(tcp_address)]
SocketAddress = Annotated[str, AfterValidator(socket_address)]
