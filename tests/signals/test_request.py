"""Facts that requests state: patterns, flags, and all of a rule's facts at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import translate
from typing import cast

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.config import Config
from router.config.signals import RequestMatch, RequestRule
from router.request import Api, Headers, InferenceRequest, Prompt, Turn
from router.signals import Resources
from router.signals.request import Pattern, RequestMatcher, RequestSignal
from tests.config.conftest import SOUND

ASKED = Prompt((Turn("user", "hi"),))


def request(
    *,
    model: str = "MoM",
    prompt: Prompt = ASKED,
    stream: bool = False,
    user: str | None = None,
    metadata: Mapping[str, str] | None = None,
    headers: Headers = Headers(),  # noqa: B008  # immutable
    path: str = "/v1/chat/completions",
) -> InferenceRequest:
    return InferenceRequest(
        Api.CHAT_COMPLETIONS,
        model,
        prompt,
        stream,
        user,
        metadata or {},
        headers=headers,
        path=path,
    )


def rule(name: str = "rule", **facts: object) -> RequestRule:
    return RequestRule.model_validate({"name": name, **facts})


def holds(facts: dict[str, object], asked: InferenceRequest) -> bool:
    return RequestMatcher.compile(rule(**facts)).holds(asked)


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("gold", ["gold"], ["Gold", "gold ", "marigold", ""]),
        ("gpt-*", ["gpt-4o", "gpt-"], ["my-gpt-4o", "gpt"]),
        ("*-lora", ["legal-lora", "-lora"], ["legal-lora-2", "lora"]),
        ("*law*", ["law", "us-law-lora"], ["la-w"]),
        ("a*b*c", ["abc", "a-b-c", "abbc", "abcbc"], ["acb", "ab", "bc"]),
        ("aa*aa", ["aaaa", "aa-aa"], ["aaa", "aa"]),
        ("*ab*ba*", ["abba", "xabxbax"], ["aba"]),
        ("*", ["anything", ""], []),
        ("a**c", ["ac", "abc"], ["a"]),
        ("法*", ["法律"], ["美国法律"]),
        ("a.c?[x]", ["a.c?[x]"], ["abc?[x]", "a.cc[x]"]),
    ],
)
def test_an_asterisk_stands_for_any_characters_and_nothing_else_does(
    pattern: str, fitting: list[str], others: list[str]
) -> None:
    assert all(Pattern([pattern]).fits(text) for text in fitting)
    assert not any(Pattern([pattern]).fits(text) for text in others)


@settings(max_examples=300, deadline=None)
@given(st.text("ab*", max_size=7), st.text("ab", max_size=9))
@example("*ab*ab*", "aabaab")
def test_patterns_mean_what_they_do_in_file_names(pattern: str, text: str) -> None:
    expected = re.match(translate(pattern), text) is not None
    assert Pattern([pattern]).fits(text) is expected


def test_a_pattern_of_many_asterisks_is_no_burden() -> None:
    assert not Pattern(["*a" * 200 + "*b"]).fits("a" * 100_000)


def test_any_pattern_of_a_list_will_do() -> None:
    pattern = Pattern(["gold", "plat*"])
    assert [pattern.fits(text) for text in ("gold", "platinum", "silver")] == [True, True, False]


def test_what_is_absent_fits_no_pattern() -> None:
    assert not Pattern(["*"]).fits(None)
    assert not holds({"user": "*"}, request())
    assert not holds({"metadata": {"tenant": "*"}}, request())
    assert not holds({"headers": {"x-plan": "*"}}, request())
    assert holds({"headers": {"x-plan": "*"}}, request(headers=Headers([("x-plan", "")])))


@pytest.mark.parametrize(
    ("facts", "asked", "other"),
    [
        ({"model": "gpt-*"}, request(model="gpt-4o"), request(model="MoM")),
        ({"path": "/v1/messages"}, request(path="/v1/messages"), request()),
        ({"user": ["ann", "bob"]}, request(user="bob"), request(user="eve")),
        ({"metadata": {"a": "x"}}, request(metadata={"a": "x"}), request(metadata={"b": "x"})),
        (
            {"headers": {"X-Plan": "gold"}},
            request(headers=Headers([("x-plan", "gold")])),
            request(headers=Headers([("x-plan", "Gold")])),
        ),
        (
            {"images": True},
            request(prompt=Prompt(has_images=True)),
            request(prompt=Prompt(has_tools=True)),
        ),
        (
            {"tools": True},
            request(prompt=Prompt(has_tools=True)),
            request(prompt=Prompt(has_images=True)),
        ),
        (
            {"json_mode": True},
            request(prompt=Prompt(json_mode=True)),
            request(prompt=Prompt(has_tools=True)),
        ),
        ({"stream": True}, request(stream=True), request()),
        ({"stream": False}, request(), request(stream=True)),
        ({"images": False}, request(), request(prompt=Prompt(has_images=True))),
    ],
)
def test_each_fact_is_read_where_it_is_stated(
    facts: dict[str, object], asked: InferenceRequest, other: InferenceRequest
) -> None:
    assert holds(facts, asked)
    assert not holds(facts, other)


def test_all_facts_of_a_rule_must_hold() -> None:
    facts: dict[str, object] = {"model": "MoM", "user": "ann", "headers": {"x-plan": "gold"}}
    gold = Headers([("x-plan", "gold")])
    assert holds(facts, request(user="ann", headers=gold))
    assert not holds(facts, request(user="bob", headers=gold))
    assert not holds(facts, request(user="ann"))


def test_of_a_repeated_header_the_first_value_counts() -> None:
    twice = Headers([("x-plan", "free"), ("x-plan", "gold")])
    assert holds({"headers": {"x-plan": "free"}}, request(headers=twice))
    assert not holds({"headers": {"x-plan": "gold"}}, request(headers=twice))


def test_a_routing_rules_match_is_compiled_alike() -> None:
    match = RequestMatch.model_validate({"model": "gpt-4o", "path": "/v1/chat/*"})
    matcher = RequestMatcher.compile(match)
    assert matcher.holds(request(model="gpt-4o"))
    assert not matcher.holds(request(model="gpt-4o", path="/v1/messages"))
    assert RequestMatcher.compile(RequestMatch()).holds(request())


async def test_a_match_names_the_facts_and_shows_no_values() -> None:
    premium = rule(
        "premium",
        model="MoM",
        user="SECRET*",
        headers={"x-plan": "SECRET"},
        metadata={"tenant": ["SECRET"]},
        images=False,
        tools=True,
    )
    asked = request(
        user="SECRET-1",
        metadata={"tenant": "SECRET"},
        headers=Headers([("x-plan", "SECRET")]),
        prompt=Prompt(has_tools=True),
    )
    report = await RequestSignal([premium, rule("other", stream=True)]).evaluate(asked)
    (match,) = report.matches
    assert (match.kind, match.name, match.confidence, match.holds) == (
        "request",
        "premium",
        1.0,
        True,
    )
    assert match.detail == {
        "facts": ["model", "header x-plan", "user", "metadata tenant", "no images", "tools"]
    }
    assert "SECRET" not in repr(report)


async def test_nothing_is_found_where_no_rule_holds() -> None:
    report = await RequestSignal([rule(stream=True)]).evaluate(request())
    assert (report.matches, report.error) == ((), None)


async def test_there_is_a_signal_where_some_rule_is_declared() -> None:
    sound = yaml.safe_load(SOUND)
    signals = {"requests": [{"name": "gpt", "model": "gpt-*"}]}
    resources = cast(Resources, None)
    config = Config.model_validate({**sound, "signals": signals})
    assert await RequestSignal.build(config, resources) is not None
    assert await RequestSignal.build(Config.model_validate(sound), resources) is None
