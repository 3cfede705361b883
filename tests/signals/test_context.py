"""Ranges of estimated prompt lengths."""

from __future__ import annotations

from typing import cast

import pytest
import yaml

from router.config import Config
from router.config.signals import ContextRule
from router.request import Api, InferenceRequest, Prompt, Turn
from router.signals import Resources
from router.signals.context import ContextSignal
from tests.config.conftest import SOUND

RULES = (
    ContextRule(name="short", max_tokens=10),
    ContextRule(name="middle", min_tokens=10, max_tokens=20),
    ContextRule(name="long", min_tokens=21),
)


def asking(tokens: int) -> InferenceRequest:
    return InferenceRequest(Api.COMPLETIONS, "MoM", Prompt((Turn("user", "abcd" * tokens),)))


@pytest.mark.parametrize(
    ("tokens", "names"),
    [
        (0, ["short"]),
        (9, ["short"]),
        (10, ["short", "middle"]),
        (11, ["middle"]),
        (20, ["middle"]),
        (21, ["long"]),
        (100_000, ["long"]),
    ],
)
async def test_a_range_holds_from_its_least_to_its_greatest_length(
    tokens: int, names: list[str]
) -> None:
    report = await ContextSignal(RULES).evaluate(asking(tokens))
    assert [match.name for match in report.matches] == names
    assert all(match.holds and match.confidence == 1.0 for match in report.matches)


async def test_the_estimated_length_is_told_whether_or_not_a_range_holds() -> None:
    signal = ContextSignal([ContextRule(name="short", max_tokens=10)])
    assert (await signal.evaluate(asking(30))).facts == {"estimated_tokens": 30}
    (match,) = (await signal.evaluate(asking(3))).matches
    assert (match.kind, match.detail) == ("context", {"estimated_tokens": 3})


async def test_there_is_a_signal_where_some_rule_is_declared() -> None:
    sound = yaml.safe_load(SOUND)
    signals = {"context": [{"name": "short", "max_tokens": 10}]}
    resources = cast(Resources, None)
    config = Config.model_validate({**sound, "signals": signals})
    assert await ContextSignal.build(config, resources) is not None
    assert await ContextSignal.build(Config.model_validate(sound), resources) is None
