"""Categories from the domain model's labels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from router.encoder import Encoding
from router.errors import DeadlineExceeded
from router.request import Api, InferenceRequest, Prompt, Turn
from router.signals.domain import DomainSignal

LABELS = ("computer science", "engineering", "health", "law", "other")


class TableEncoder:
    """Answers every text with one distribution, or raises."""

    labels = LABELS
    aliases: Mapping[str, tuple[str, ...]] = {}

    def __init__(self, *probabilities: float, failure: Exception | None = None) -> None:
        self._probabilities = np.array(probabilities, np.float32)
        self._failure = failure
        self.asked: list[tuple[str, float | None]] = []

    async def encode(self, text: str, *, timeout: float | None = None) -> Encoding:
        self.asked.append((text, timeout))
        if self._failure:
            raise self._failure
        return Encoding(self._probabilities, None, tokens=7, truncated=False)

    async def close(self) -> None: ...


def signal(encoder: TableEncoder) -> DomainSignal:
    groups = {"technical": ("computer science", "engineering"), "legal": ("law",)}
    return DomainSignal(encoder, groups, threshold=0.6, timeout=0.5)


def saying(*texts: str) -> InferenceRequest:
    prompt = Prompt(tuple(Turn("user", text) for text in texts))
    return InferenceRequest(Api.CHAT_COMPLETIONS, "MoM", prompt)


async def test_a_category_is_as_likely_as_its_labels_together() -> None:
    report = await signal(TableEncoder(0.4, 0.3, 0.1, 0.15, 0.05)).evaluate(saying("x"))
    technical, legal = report.matches
    assert (technical.name, technical.holds) == ("technical", True)
    assert technical.confidence == pytest.approx(0.7)
    assert (legal.name, legal.holds) == ("legal", False)


async def test_the_threshold_itself_suffices() -> None:
    report = await signal(TableEncoder(0.0, 0.0, 0.25, 0.75, 0.0)).evaluate(saying("x"))
    strict = DomainSignal(
        TableEncoder(0.0, 0.0, 0.25, 0.75, 0.0), {"legal": ("law",)}, threshold=0.75, timeout=1
    )
    assert report.matches[1].holds
    assert (await strict.evaluate(saying("x"))).matches[0].holds


async def test_the_latest_user_turn_is_read_with_the_configured_deadline() -> None:
    encoder = TableEncoder(1.0, 0, 0, 0, 0)
    await signal(encoder).evaluate(saying("first", "latest"))
    assert encoder.asked == [("latest", 0.5)]


async def test_a_prompt_without_text_is_not_classified() -> None:
    encoder = TableEncoder(1.0, 0, 0, 0, 0)
    report = await signal(encoder).evaluate(saying("  "))
    assert report.matches == ()
    assert not encoder.asked


async def test_a_failure_is_reported_and_not_raised() -> None:
    failure = DeadlineExceeded("late")
    report = await signal(TableEncoder(failure=failure)).evaluate(saying("x"))
    assert report.error is failure
    assert report.matches == ()


async def test_the_report_shows_the_likeliest_labels() -> None:
    report = await signal(TableEncoder(0.4, 0.3, 0.1, 0.15, 0.05)).evaluate(saying("x"))
    assert report.facts["labels"] == {"computer science": 0.4, "engineering": 0.3, "law": 0.15}
    assert report.facts["tokens"] == 7
