"""Literal keywords in one pass: all of them, each at its first place, and none inside a word."""

from __future__ import annotations

import pytest

from router.signals.keywords.literals import Literals


def found(text: str, *keywords: str) -> dict[str, str]:
    """What stands where each keyword was found, with what precedes it marked off."""
    places = Literals(keywords).find(text, 0, len(text))
    return {
        keywords[at]: f"{text[:start]}|{text[start:end]}" for at, (start, end) in places.items()
    }


def spans(text: str, *keywords: str, low: int = 0, high: int | None = None) -> dict[str, object]:
    places = Literals(keywords).find(text, low, len(text) if high is None else high)
    return {keywords[at]: place for at, place in places.items()}


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("us law", "virus lawyer"),
        ("law", "flaw laws law_ 1law law2 lawé l\u0430w"),
        ("c", "c++ c# cd x_c c\u0303"),
        ("c++", "xc++ 7c++"),
        (".net", ".network .net4"),
        ("#c", "#cd"),
        ("e-mail", "e mail e_mail e-mails"),
        ("don't", "dont don'tve xdon't"),
        ("жен", "жена"),
        ("कर", "कर्म"),
        ("عقد", "عقدة"),
        ("api合同", "xapi合同"),
    ],
)
def test_nothing_is_found_inside_a_word(keyword: str, text: str) -> None:
    assert spans(text, keyword) == {}


@pytest.mark.parametrize(
    ("keyword", "text", "place"),
    [
        ("us law", "(us law)", (1, 7)),
        ("law", "law", (0, 3)),
        ("law", "flaw, law.", (6, 9)),
        ("c", "c++ or c.", (7, 8)),
        ("c", "c-suite", (0, 1)),
        ("notepad", "notepad++", (0, 7)),
        ("c++", "in c++17", (3, 6)),
        ("c#", "c#", (0, 2)),
        (".net", "asp.net core", (3, 7)),
        ("e-mail", "an e-mail", (3, 9)),
        ("mail", "e-mail", (2, 6)),
        ("don't", "i don't", (2, 7)),
        ("contract", "contract's", (0, 8)),
        ("合同", "解除合同法", (2, 4)),
        ("api", "调用api接口", (2, 5)),
        ("계약서", "계약서를", (0, 3)),
        ("api", "api를", (0, 3)),
        ("สัญญา", "ทำสัญญาเช่า", (2, 7)),
        ("contract", "contract¹", (0, 8)),
        ("🚀", "go🚀go", (2, 3)),
        ("100 % auditable", "is 100 % auditable", (3, 18)),
        ("api合同", "用api合同x", (1, 6)),
    ],
)
def test_a_keyword_is_found_where_it_stands_alone(
    keyword: str, text: str, place: tuple[int, int]
) -> None:
    assert spans(text, keyword) == {keyword: place}


def test_keywords_that_overlap_are_all_found() -> None:
    text = "us law firm 合同法院"
    keywords = ["us", "us law", "law", "law firm", "合同", "同法", "合同法", "法院"]
    assert set(found(text, *keywords)) == set(keywords)


def test_each_keyword_is_found_at_its_first_place() -> None:
    assert spans("flaw law law c# 法c# 法", "law", "法", "c#") == {
        "law": (5, 8),
        "法": (16, 17),
        "c#": (13, 15),
    }


def test_keywords_that_differ_in_what_parts_their_words_are_told_apart() -> None:
    assert spans("e-mail, e mail", "e-mail", "e mail", "e/mail") == {
        "e-mail": (0, 6),
        "e mail": (8, 14),
    }


def test_nothing_is_found_outside_the_bounds() -> None:
    text = "law 法 law 法"
    assert spans(text, "law", "法", low=1, high=9) == {"法": (4, 5), "law": (6, 9)}
    assert spans(text, "law", "法", low=5, high=8) == {}


def test_a_long_text_is_searched_in_blocks_that_hide_nothing() -> None:
    keyword, gap = "federal court of appeal", "x" * 8_180
    for shift in range(40):
        text = f"{' ' * shift}{gap} {keyword} 合同法 {gap}"
        at = text.index(keyword)
        assert spans(text, keyword, "合同法") == {
            keyword: (at, at + len(keyword)),
            "合同法": (at + 24, at + 27),
        }


def test_a_text_of_one_letter_does_not_make_much_of_nested_keywords() -> None:
    nested = ["a" * length for length in range(1, 400)]
    assert spans("a" * 131_072, *nested) == {}


def test_a_text_full_of_keywords_gives_each_of_them_once() -> None:
    assert spans("合" * 131_072, "合", "合合", "合合合") == {
        "合": (0, 1),
        "合合": (0, 2),
        "合合合": (0, 3),
    }
