"""Signals as the configuration names them: what each rule may say."""

from __future__ import annotations

import pytest

from router.config.languages import CODES
from router.config.signals import ContextRule, LanguageRule, RequestRule
from tests.config.conftest import Workspace

KNOWN = f"known are {' '.join(CODES)}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "language: [{name: cjk, codes: [zh, jp]}]",
            (
                "language[0].codes[1]: found 'jp', expected the code of a language that can be "
                "told; did you mean 'ja'?"
            ),
        ),
        (
            "language: [{name: asian}]",
            "language[0]: found name 'asian' without codes, expected codes, or a name that is one",
        ),
        (
            "context: [{name: odd, min_tokens: 10, max_tokens: 9}]",
            "context[0]: found max_tokens 9 below min_tokens 10, expected at least as many",
        ),
        (
            "requests: [{name: odd}]",
            (
                "requests[0]: request 'odd' states no fact, expected some of headers, images, "
                "json_mode, metadata, model, path, stream, tools, user"
            ),
        ),
        (
            "requests: [{name: odd, model: []}]",
            (
                "requests[0]: request 'odd' states no fact, expected some of headers, images, "
                "json_mode, metadata, model, path, stream, tools, user"
            ),
        ),
        (
            "requests: [{name: odd, headers: {x-plan: []}}]",
            "requests[0].headers.x-plan: found a list, expected at least one entry",
        ),
        (
            "requests: [{name: odd, headers: {authorization: '*'}}]",
            (
                "requests[0].headers.authorization: found 'authorization', expected a header that "
                "carries no credentials: those never reach the router"
            ),
        ),
        (
            "requests: [{name: odd, images: 'yes'}]",
            "requests[0].images: found 'yes', expected true or false; write true",
        ),
    ],
)
def test_a_rule_that_means_nothing_is_refused(workspace: Workspace, text: str, line: str) -> None:
    findings = workspace.added(f"signals:\n  {text}\n")
    assert f"signals.{line}" in [finding.partition(": ")[2] for finding in findings]


def test_a_language_rule_stands_for_its_codes_or_for_its_name() -> None:
    assert LanguageRule(name="cjk", codes=("ZH", "ja")).languages == ("zh", "ja")
    assert LanguageRule(name="ZH").languages == ("zh",)


def test_a_range_may_be_one_length_and_open_at_either_end() -> None:
    ContextRule(name="one", min_tokens=5, max_tokens=5)
    ContextRule(name="long", min_tokens=5)
    ContextRule(name="short", max_tokens=5)


def test_one_pattern_needs_no_list() -> None:
    given = {"name": "a", "model": "gpt-*", "headers": {"X-Plan": "gold"}, "metadata": {"k": "v"}}
    rule = RequestRule.model_validate(given)
    assert (rule.model, rule.headers, rule.metadata) == (
        ("gpt-*",),
        {"x-plan": ("gold",)},
        {"k": ("v",)},
    )


def test_a_fact_that_must_be_absent_is_a_fact() -> None:
    assert RequestRule(name="text only", images=False).images is False
