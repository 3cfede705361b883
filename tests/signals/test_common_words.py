"""Common words, counted by the languages that have them."""

from __future__ import annotations

from router.config.languages import BY_SCRIPT, CODES
from router.signals.common_words import BY_LANGUAGE, common_words, split


def test_words_are_counted_for_each_language_that_has_them() -> None:
    found = common_words(["hello", "die", "what", "unheard"])
    assert found["en"] == 2
    assert found["de"] == 1
    assert "fr" not in found


def test_words_that_are_left_out_do_not_count() -> None:
    assert common_words(["for", "what"], but={"for"})["en"] == 1


def test_apostrophes_and_hyphens_join_words() -> None:
    assert split(["l'été", "aide-moi", "what’s", "law"]) == [
        *("l", "été", "aide", "moi", "what", "s", "law")
    ]


def test_the_languages_that_share_a_script_all_have_common_words() -> None:
    shared = {code for codes in BY_SCRIPT.values() if len(codes) > 1 for code in codes}
    assert {*BY_LANGUAGE} == shared
    assert shared < {*CODES}


def test_words_are_written_as_they_are_looked_up() -> None:
    for listed in BY_LANGUAGE.values():
        for word in listed.split():
            assert word == word.lower()
            assert split([word]) == [word]
            assert listed.split().count(word) == 1, word
