"""The language that prompts are asked in, alone and in company, and when it is not told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import cast

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from router.config import Config
from router.config.languages import BY_SCRIPT, CODES
from router.request import Api, InferenceRequest, Prompt, Turn
from router.signals import Resources
from router.signals.language import Detected, Detector, LanguageSignal
from tests.config.conftest import SOUND
from tests.signals import asked

DETECT = Detector()


def code(text: str) -> str | None:
    found = DETECT(text)
    return found.code if found else None


def asking(text: str) -> InferenceRequest:
    return InferenceRequest(Api.COMPLETIONS, "MoM", Prompt((Turn("user", text),)))


@pytest.mark.parametrize("language", asked.PLAIN)
def test_short_prompts_are_told_or_left_alone_but_not_mistaken(language: str) -> None:
    prompts = [*asked.PLAIN[language], *asked.BRIEF[language]]
    found = [code(prompt) for prompt in prompts]
    assert {*found} <= {language, None}
    assert found.count(language) >= 0.9 * len(prompts)


@pytest.mark.parametrize("language", asked.MIXED)
def test_code_and_quoted_words_do_not_make_a_prompt_another_languages(language: str) -> None:
    prompts = asked.MIXED[language]
    found = [code(prompt) for prompt in prompts]
    assert {*found} <= {language, None}
    assert found.count(language) >= 0.75 * len(prompts)


@pytest.mark.parametrize(("language", "prompt"), asked.OTHERS.items(), ids=asked.OTHERS)
def test_every_known_language_can_be_told(language: str, prompt: str) -> None:
    assert code(prompt) == language


def test_the_known_languages_are_those_that_are_tested() -> None:
    assert {*asked.OTHERS, *asked.PLAIN} == {*CODES}


@pytest.mark.parametrize("text", asked.UNCLEAR)
def test_what_is_no_language_is_none(text: str) -> None:
    assert DETECT(text) is None


@pytest.mark.parametrize(
    ("chinese", "other"),
    [
        ("什么是 deadline", "What does 你好 mean?"),
        ("请解释 React useEffect hook 的用法", "Please explain the Chinese word 你好 to me"),
    ],
)
def test_a_question_is_in_the_language_around_the_words_it_asks_about(
    chinese: str, other: str
) -> None:
    assert code(chinese) == "zh"
    assert code(other) == "en"


def test_two_languages_in_equal_parts_are_neither() -> None:
    assert DETECT("今天天气非常好。 The weather is nice today.") is None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Tulis puisi tentang laut", "id"),  # Malay too
        ("Kva er hovudstaden i Noreg?", "no"),  # Nynorsk
    ],
)
def test_a_language_that_is_nearly_another_is_told_as_that_other(text: str, language: str) -> None:
    assert code(text) == language


def test_case_does_not_matter() -> None:
    assert code("WHAT IS THE CAPITAL OF FRANCE?") == "en"
    assert code("КАКАЯ СТОЛИЦА ФРАНЦИИ?") == "ru"


def test_the_beginning_and_the_end_of_a_long_text_are_read() -> None:
    data = "4711 " * 100_000
    assert code(f"Was steht in diesen Daten? {data}") == "de"
    assert code(f"{data} Was steht in diesen Daten?") == "de"
    assert code(f"{data} Was steht in diesen Daten? {data}") is None


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.characters(codec=None), max_size=60) | st.text("a é中あ한бע\"'`@. \n", max_size=40)
)
def test_any_text_has_a_known_language_or_none(text: str) -> None:
    found = DETECT(text)
    assert found is None or (found.code in CODES and 0.0 < found.confidence <= 1.0)


def test_the_more_of_a_text_is_in_a_language_the_surer_it_is() -> None:
    alone = DETECT("请解释一下这个函数的用法")
    mixed = DETECT("请解释一下 the React framework")
    assert alone is not None
    assert mixed is not None
    assert alone.code == mixed.code == "zh"
    assert alone.confidence > mixed.confidence


def test_languages_are_told_without_a_network() -> None:
    program = """
import socket

def refuse(*_, **__):
    raise AssertionError("asked the network")

socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from router.signals import Resources
from router.signals.language import Detector
print(Detector()("Quelle est la capitale de la France ?").code)
"""
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("fr\n", "")


def test_each_script_has_languages_of_its_own() -> None:
    codes = [code for codes in BY_SCRIPT.values() for code in codes]
    assert sorted(codes) == sorted({*codes})


NAMES: Mapping[str, frozenset[str]] = {
    "zh": frozenset({"zh"}),
    "cjk": frozenset({"zh", "ja", "ko"}),
    "en": frozenset({"en"}),
}


async def test_every_name_that_means_the_language_matches() -> None:
    report = await LanguageSignal(DETECT, NAMES).evaluate(asking("法国的首都是哪里？"))
    assert [(match.kind, match.name) for match in report.matches] == [
        ("language", "zh"),
        ("language", "cjk"),
    ]
    assert all(match.holds and match.detail == {"code": "zh"} for match in report.matches)
    assert report.facts == {"code": "zh", "confidence": 1.0}


def configured(**parts: object) -> Config:
    return Config.model_validate({**yaml.safe_load(SOUND), **parts})


async def names_of(config: Config) -> list[str] | None:
    """The names that a French prompt is given, or None where there is no signal."""
    signal = await LanguageSignal.build(config, cast(Resources, None))
    if signal is None:
        return None
    report = await signal.evaluate(asking("Quelle est la capitale de la France ?"))
    return [match.name for match in report.matches]


async def test_names_come_from_conditions_and_from_the_languages_that_are_declared() -> None:
    rules = [{"name": "romance", "codes": ["es", "FR"]}, {"name": "FR"}, {"name": "de"}]
    asked_for = [
        {"type": "language", "name": "romance"},
        {"operator": "NOT", "conditions": [{"type": "language", "name": "fr"}]},
        {"type": "language", "name": "Fr"},
        {"type": "domain", "name": "law"},
    ]
    decision = {
        "name": "a",
        "rules": {"operator": "AND", "conditions": asked_for},
        "modelRefs": [{"model": "base"}],
    }
    config = configured(signals={"language": rules}, decisions=[decision])
    assert await names_of(config) == ["romance", "fr", "Fr", "FR"]
    assert await names_of(configured(signals={"language": rules})) == ["romance", "FR"]


async def test_there_is_no_signal_where_nothing_asks_for_a_language() -> None:
    assert await names_of(configured()) is None


async def test_a_language_without_a_name_is_a_fact_and_no_match() -> None:
    report = await LanguageSignal(DETECT, NAMES).evaluate(asking("Какая столица Франции?"))
    assert report.matches == ()
    assert report.facts["code"] == "ru"


async def test_an_unclear_language_is_no_match_and_no_failure() -> None:
    report = await LanguageSignal(DETECT, NAMES).evaluate(asking("12345"))
    assert (report.matches, report.facts, report.error) == ((), {"code": None}, None)


async def test_the_latest_user_turn_is_what_is_read() -> None:
    seen: list[str] = []

    def detect(text: str) -> Detected | None:
        seen.append(text)
        return Detected("en", 0.98765)

    prompt = Prompt((Turn("user", "first"), Turn("assistant", "well"), Turn("user", "latest")))
    request = InferenceRequest(Api.COMPLETIONS, "MoM", prompt)
    (match,) = (await LanguageSignal(detect, NAMES).evaluate(request)).matches
    assert seen == ["latest"]
    assert (match.name, match.confidence) == ("en", 0.9877)
