from __future__ import annotations

import pytest

from router.config.scalars import plain


@pytest.mark.parametrize(
    "text", ["no", "NO", "on", "off", "yes", "y", "1:30", "010", "08", "1_000"]
)
def test_what_only_old_yaml_took_for_something_else_is_text(text):
    assert plain(text) == text


@pytest.mark.parametrize(
    "text", ["2026-01-01", "1.2.3", "0x", "1e", ".", "-", "+", "9" * 5000 + "x"]
)
def test_what_looks_like_a_number_but_is_none_is_text(text):
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-17", -17),
        ("+5", 5),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("99999999999999999999", 1e20),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_plain_scalars_mean_what_they_look_like(text, value):
    result = plain(text)
    assert result == value
    assert type(result) is type(value)
