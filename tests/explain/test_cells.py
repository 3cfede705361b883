"""What fits into the cells of a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.explain.cells import one_line, padded, shortened, visible, width


def test_a_chinese_character_takes_two_cells() -> None:
    assert width("高血压 a") == 8
    assert padded("高血压", 8) == "高血压  "


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("high blood", 10, "high blood"),
        ("high blood", 9, "high blo…"),
        ("high blood", 6, "high…"),
        ("高血压的原因", 7, "高血压…"),
        ("高血压的原因", 6, "高血…"),
        ("ab", 1, "…"),
    ],
)
def test_what_does_not_fit_ends_with_an_ellipsis(text: str, most: int, shown: str) -> None:
    assert shortened(text, most) == shown


@given(st.text(), st.integers(1, 40))
def test_shortened_text_never_takes_more_than_it_may(text: str, most: int) -> None:
    assert width(shortened(one_line(text), most)) <= most


@given(st.text())
def test_nothing_that_a_terminal_acts_on_is_left(text: str) -> None:
    assert visible(text).isprintable()
    assert one_line(text).isprintable()


def test_a_prompt_of_several_lines_becomes_one() -> None:
    assert one_line(" a\n\tb\u3000c\x1b[31m ") == "a b c�[31m"
