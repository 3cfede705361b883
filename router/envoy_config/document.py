"""Envoy's messages as YAML: proto JSON with proto field names, in the order of the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

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
    """`messages` as the resources of a file that Envoy watches.

    Raises ValueError where there are none: Envoy would drop every one that it has.
    """
    resources = [_plain(pack(message)) for message in messages]
    if not resources:
        raise ValueError("no resources: found an empty list, expected at least one")
    return _comment(about) + _yaml({"resources": resources})


def _plain(message: betterproto2.Message) -> dict[str, Any]:
    # The names are proto's own already. Casing.SNAKE would write `consecutive_5_xx`, which Envoy
    # ignores in a file of clusters without a word.
    return message.to_dict(casing=cast(betterproto2.Casing, str))


def _yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.splitlines())
