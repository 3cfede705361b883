from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.config.environment import refers, substitute


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${HOST}", "vllm"),
        ("http ${HOST}:${PORT}", "http vllm:8000"),
        ("${NONE:-x}", "x"),
        ("${EMPTY:-x}", "x"),
        ("${EMPTY}", ""),
        ("${HOST:-x}", "vllm"),
        ("${NONE:-}", ""),
        ("$${HOST}", "${HOST}"),
        ("$HOST {HOST} $", "$HOST {HOST} $"),
    ],
)
def test_variables_are_replaced_and_escapes_are_kept(text, result):
    assert substitute(text, {"HOST": "vllm", "PORT": "8000", "EMPTY": ""}) == result


def test_a_replaced_value_is_not_replaced_again():
    assert substitute("${A}", {"A": "${B}", "B": "x"}) == "${B}"


def test_a_variable_that_is_not_set_is_named():
    with pytest.raises(ValueError, match=r"^environment variable HOST is not set; set it or write"):
        substitute("${HOST}", {})


@pytest.mark.parametrize("text", ["${}", "${1A}", "${HOST", "${HOST-x}", "${a.b}", "${HOST:x}"])
def test_what_is_no_reference_says_what_one_looks_like(text):
    with pytest.raises(ValueError, match=r"^found '\$\{.*', expected \$\{NAME\} or "):
        substitute(text, {"HOST": "x"})


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_text_without_references_comes_back_as_it_was(text):
    if not refers(text) and "$${" not in text:
        assert substitute(text, {}) == text
