"""Envoy's messages as YAML: proto JSON with proto field names, in the order of the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import betterproto2
import yaml
from envoy_data_plane.google.protobuf import Any as AnyMessage

_TYPES = "type.googleapis.com/"


def pack(message: betterproto2.Message) -> AnyMessage:
    """`message` inside an Any, as every extension's `typed_config` wants it."""
    return AnyMessage.pack(message)


def dump(message: betterproto2.Message, *, about: str) -> str:
    """`message` as a YAML document, under a comment."""
    return _comment(about) + _yaml(_plain(message))


def dump_resources(messages: Iterable[betterproto2.Message], *, about: str) -> str:
    """`messages` as the resources of a file that Envoy watches."""
    return _comment(about) + _yaml({"resources": [_plain(pack(message)) for message in messages]})


def _plain(message: betterproto2.Message) -> dict[str, Any]:
    return message.to_dict(casing=betterproto2.Casing.SNAKE)


def _yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.splitlines())
