"""Which languages a configuration may name."""

from __future__ import annotations

import pytest

from router.config.languages import BY_SCRIPT, CODES, known_language


def test_the_codes_are_those_of_all_scripts_in_alphabetical_order() -> None:
    assert list(CODES) == sorted(code for codes in BY_SCRIPT.values() for code in codes)
    assert {"en", "zh", "ja", "ko", "es", "fr", "de", "ru", "ar"} <= {*CODES}


@pytest.mark.parametrize(("code", "known"), [("zh", "zh"), ("ZH", "zh"), ("ckb", "ckb")])
def test_a_code_is_taken_in_any_case(code: str, known: str) -> None:
    assert known_language(code) == known


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("Chinese", "; did you mean 'zh'?"),
        ("cn", "; did you mean 'zh'?"),
        ("jp", "; did you mean 'ja'?"),
        ("zh-TW", "; did you mean 'zh'?"),
        ("pt_BR", "; did you mean 'pt'?"),
        ("nb", "; did you mean 'no'?"),
        ("ckbb", "; did you mean 'ckb'?"),
        ("xx-YY", f"; known are {' '.join(CODES)}"),
        ("", f"; known are {' '.join(CODES)}"),
    ],
)
def test_what_is_no_known_code_is_refused_with_what_may_be_meant(code: str, hint: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole text is compared
        known_language(code)
    expected = f"found {code!r}, expected the code of a language that can be told{hint}"
    assert str(caught.value) == expected
