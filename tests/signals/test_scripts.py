"""Which script a text is its own, and which of its words count."""

from __future__ import annotations

import pytest

from router.config.languages import BY_SCRIPT
from router.signals import scripts
from router.signals.scripts import read


def script(text: str) -> str | None:
    written = read(text)
    return written.script if written else None


def words(text: str) -> tuple[str, ...]:
    written = read(text)
    return written.words if written else ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", "latin"),
        ("été à Québec", "latin"),
        ("Thủ đô của Pháp", "latin"),
        ("法律", "han"),
        ("𠮷野家", "han"),
        ("この法律", "kana"),
        ("カタカナ", "kana"),
        ("法律の", "kana"),
        ("第一次世界大戦後国際法上の", "han"),
        ("법률 상담 法律", "hangul"),
        ("закон", "cyrillic"),
        ("قانون", "arabic"),
        ("νόμος", "greek"),
        ("กฎหมาย", "thai"),
        ("123 + 456", None),
        ("αβγ α β", "greek"),
        ("α β γ", None),
        ("", None),
    ],
)
def test_a_text_is_written_in_the_script_of_its_words(text: str, expected: str | None) -> None:
    assert script(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Run `rm -rf build` now", ("run", "now")),
        ("Why?\n```python\nfor x in xs: pass\n```\nThanks", ("why", "thanks")),
        ("Fix ```unclosed code", ("fix",)),
        ("Read https://example.com/a/b?c=d please", ("read", "please")),
        ("Read www.example.com please", ("read", "please")),
        ("Write to jane.doe@example.com today", ("write", "to", "today")),
        ("Look in /usr/local/bin first", ("look", "in", "first")),
        ("Call print() twice", ("call", "twice")),
        ("What is useEffect in React?", ("what", "is", "in", "react")),
        ("useEffect", ("useeffect",)),
        ('Translate "guten Morgen" please', ("translate", "please")),
        ("Translate 'guten Morgen' please", ("translate", "please")),
        ("Translate “guten Morgen” please", ("translate", "please")),
        ("Übersetze „good morning“ bitte", ("übersetze", "bitte")),
        ('"guten Morgen"', ("guten", "morgen")),
        ("don't say l'été", ("don't", "say", "l'été")),
        ("it’s the teacher’s", ("it’s", "the", "teacher’s")),
        ("version 2 of v1 is 3x", ("version", "of", "is")),
    ],
)
def test_code_addresses_and_quotations_are_no_words(text: str, expected: tuple[str, ...]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("用 Python 写一个 quick sort 函数", "han"),
        ("docker compose up 报错怎么办", "han"),
        ("请把 Good morning, how are you today 翻译成中文", "han"),
        ("「谢谢」はどういう意味ですか", "kana"),
        ("git rebase と git merge の違い", "kana"),
        ("React hooks 사용법", "hangul"),
        ("for i in xs 为什么不行", "han"),
        ("Translate 你好", "latin"),
        ("что такое deadline", "cyrillic"),
        ("How do you pronounce ありがとう in Japanese?", "latin"),
        ("What's the meaning of 人工智能?", "latin"),
        ("Is the Russian word спасибо common?", "latin"),
        ("The probability α is below the level β", "latin"),
    ],
)
def test_in_mixed_text_sentences_weigh_more_than_terms(text: str, expected: str) -> None:
    assert script(text) == expected


def test_a_texts_share_is_that_of_its_own_script() -> None:
    alone, mixed = read("解释这个函数"), read("解释这个函数 debounce throttle")
    assert alone is not None
    assert mixed is not None
    assert alone.share == 1.0
    assert 0.5 < mixed.share < 1.0


def test_only_so_many_words_of_a_long_text_are_read() -> None:
    assert len(words("law " * 5000)) == scripts.MAX_WORDS
    assert len(words("закон " * 5000)) == scripts.MAX_RUNS


def test_the_scripts_are_those_that_languages_are_grouped_by() -> None:
    assert {"latin", *scripts.LETTERS} == {*BY_SCRIPT}


def test_a_text_is_not_shown() -> None:
    assert "secret" not in repr(read("a secret word"))
