"""Errors know the answer that a client gets."""

from __future__ import annotations

import inspect

import pytest

from router import errors
from router.errors import ConfigError, RouterError

KINDS = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, RouterError)
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_is_drawn_in_the_tree_with_its_status(kind: type[RouterError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")
    assert 400 <= kind.status <= 599
    assert kind.code.replace("_", "").isalnum()


def test_a_configuration_error_reads_as_its_problems() -> None:
    error = ConfigError(["a.yaml:1:1: x: bad", "a.yaml:2:1: y: worse"])
    assert str(error) == "a.yaml:1:1: x: bad\na.yaml:2:1: y: worse"
