"""Where words end."""

from __future__ import annotations

import re
import unicodedata

import pytest

from router.signals.keywords.boundaries import (
    GAPS,
    PARTED,
    character_class,
    ends_with_letter_word,
    has_parted,
    is_other_name,
    runs_on,
)


@pytest.mark.parametrize("char", [*"aZé9_жعनאΩ", "\u0301", "\u094d", "ː", "Ⅳ"])
def test_letters_digits_and_marks_of_most_scripts_are_parted(char: str) -> None:
    assert PARTED[char]


@pytest.mark.parametrize(
    "char", [*"美〇々あカｶー한ㄱไทยັກងဗ་ꦲꆈㄅ", "\u1100", "\u3099", "\U00020000", "\U00031000"]
)
def test_letters_of_scripts_that_run_on_are_not(char: str) -> None:
    assert unicodedata.category(char)[0] in "LMNP"
    assert not PARTED[char]


@pytest.mark.parametrize("char", [*" \n\0+#.-'’，。€²½①🚀", "\U0001f600", "\ufffd"])
def test_blanks_symbols_and_raised_figures_are_not(char: str) -> None:
    assert not PARTED[char]


def test_the_answer_is_the_same_when_it_is_remembered() -> None:
    assert [PARTED[char] for char in "a合 a合 "] == [True, False, False] * 2


def test_all_that_is_not_parted_becomes_a_blank() -> None:
    assert "US-law: 合同, café🚀".translate(GAPS) == "US law      café "


def test_no_parted_character_is_overlooked() -> None:
    missed = [code for code in range(0x20000) if PARTED[chr(code)] and not has_parted(chr(code))]
    assert missed == []
    assert not has_parted("合同(违约), “가나다”？".replace("？", "?"))


def test_a_text_runs_on_where_one_of_its_words_does() -> None:
    assert runs_on("API合同")
    assert not runs_on("e-mail, ASAP!")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("C", True), ("vitamin C", True), ("CD", False), ("4", False), ("合", False), ("C+", False)],
)
def test_a_letter_may_be_the_last_word(text: str, expected: bool) -> None:
    assert ends_with_letter_word(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"), [("C#", True), ("C++", True), ("C+1", False), ("C", False), ("C.", False)]
)
def test_some_letters_go_on_as_other_names(text: str, expected: bool) -> None:
    assert is_other_name(text, 1) is expected


def test_a_class_of_characters_matches_them_alone() -> None:
    wanted = {*range(0x41, 0x45), 0x5D, 0x1F600}
    pattern = re.compile(f"[{character_class(wanted)}]")
    assert {code for code in range(0x20000) if pattern.match(chr(code))} == wanted
