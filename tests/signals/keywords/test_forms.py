"""What counts as the same text, and the way back to where it stood."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.signals.keywords.forms import CASED, CASELESS, COMPOSED, Form
from tests.signals.keywords.reference import ALPHABET, letters

texts = st.lists(st.sampled_from(ALPHABET), max_size=24).map("".join)
FORMS = pytest.mark.parametrize("form", [CASED, CASELESS, COMPOSED])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("café", "cafe\u0301"),
        ("naïve", "NAI\u0308VE"),
        ("Straße", "STRASSE"),
        ("İstanbul", "istanbul"),
        ("I\u0307stanbul", "istanbul"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("ＵＳ ｌａｗ", "us law"),
        ("ｶﾞｲﾄﾞ", "ガイド"),
        ("don’t", "don't"),
        ("e‑mail", "e-mail"),
        ("con\u00adtract", "contract"),
        ("con\u200btract\ufeff", "contract"),
        ("ﬁle", "file"),
        ("𝐜𝐨𝐧𝐭𝐫𝐚𝐜𝐭", "contract"),
        ("\u1112\u1161\u11ab", "한"),
        ("ﻋﻘﺪ", "عقد"),
        ("❤\ufe0f", "❤"),
        ("US\u3000\n\t law", "us law"),
        ("q\u0323\u0307", "q\u0307\u0323"),
        ("\u212b", "å"),
        ("α\u0345\u0323", "α\u0323\u0345"),
    ],
)
def test_these_are_the_same_without_case(one: str, other: str) -> None:
    assert CASELESS.of(one).text == CASELESS.of(other).text


@pytest.mark.parametrize(
    ("one", "other"), [("ı", "i"), ("café", "cafe"), ("x²", "x2"), ("–", "-"), ("ü", "ue")]
)
def test_these_are_not(one: str, other: str) -> None:
    assert CASELESS.of(one).text != CASELESS.of(other).text


def test_with_case_only_case_differs() -> None:
    assert CASED.of("ＵＳ \n Cafe\u0301 Straße").text == "US Café Straße"


def test_patterns_see_the_text_as_it_is_but_for_accents() -> None:
    assert COMPOSED.of("ＵＳ \n Cafe\u0301’s\u200b").text == "ＵＳ \n Café’s\u200b"


@FORMS
def test_half_a_surrogate_pair_becomes_a_character(form: Form) -> None:
    formed = form.of("a\ud800\udc00b")
    assert formed.text.encode().decode() == "a\ufffd\ufffdb"
    assert formed.origin(3, 4) == (3, 4)


@pytest.mark.parametrize(
    ("text", "word", "stood"),
    [
        ("the  US \n law", "us law", "US \n law"),
        ("a cafe\u0301!", "café", "cafe\u0301"),
        ("ß Straße x", "strasse", "Straße"),
        ("İİ İzmir", "izmir", "İzmir"),
        ("\u200b\u200bx law\u200b", "law", "law\u200b"),
        ("\u200bлaw", "л", "л"),
        ("ﬁﬁ ﬁle ﬁ", "file", "ﬁle"),
        ("  law  ", "law", "law"),
        ("q\u0303x 合同", "合同", "合同"),
    ],
)
def test_the_way_back_leads_to_what_stood_there(text: str, word: str, stood: str) -> None:
    formed = CASELESS.of(text)
    at = formed.text.rindex(word)
    start, end = formed.origin(at, at + len(word))
    assert text[start:end] == stood


def test_a_part_of_what_one_character_became_leads_to_the_character() -> None:
    assert CASELESS.of("aßb").origin(1, 2) == (1, 2)
    assert CASELESS.of("aßb").origin(2, 3) == (1, 2)
    assert CASELESS.of("aßb").origin(2, 4) == (1, 3)


@settings(max_examples=300, deadline=None)
@given(texts)
def test_every_character_leads_back_as_the_slow_way_has_it(text: str) -> None:
    for form, caseless in ((CASELESS, True), (CASED, False)):
        formed, slow = form.of(text), letters(text, caseless=caseless)
        assert formed.text == "".join(letter.char for letter in slow)
        for at, letter in enumerate(slow):
            assert formed.origin(at, at + 1) == (letter.start, letter.end)


@settings(max_examples=200, deadline=None)
@example("\uf900")
@example("a\u212b \u2126\u0958\u0301")
@given(st.text(max_size=40))
def test_the_form_of_any_text_can_be_encoded_and_leads_back_into_it(text: str) -> None:
    for form in (CASED, CASELESS):
        formed = form.of(text)
        assert formed.text.encode().decode() == formed.text
        for at in range(len(formed.text)):
            start, end = formed.origin(at, at + 1)
            assert 0 <= start < end <= len(text)
    composed = COMPOSED.of(text).text
    assert unicodedata.is_normalized("NFC", composed)


def test_a_million_marks_on_one_letter_are_not_sorted_together() -> None:
    marks = "\u0301\u0323" * 500_000  # together: minutes
    assert CASELESS.of("a" + marks + "合同").text.endswith("合同")
