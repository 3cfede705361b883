"""What is timed inside the process is the work that its name says; how long it took is no test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from router.balancing import Balancer
from router.bench import inside as bench
from router.bench.measure import Figure
from router.config import load
from router.holdings import Holdings
from router.mutation import Mutation
from router.snapshot import compile_snapshot

KEYWORDS = Path(__file__).parents[2] / "config" / "keyword-compliance.yaml"


@pytest.fixture(autouse=True)
def _no_time_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is done once, and is said to take three microseconds."""

    def once(work: Callable[[], object]) -> float:
        work()
        return 3e-6

    monkeypatch.setattr(bench, "best_of", once)


async def test_every_figure_of_the_issue_is_given_with_its_limit() -> None:
    figures = [figure async for figure in bench.inside(KEYWORDS)]
    limits = [figure.bound for figure in figures]
    assert limits == ["≤ 100", "≥ 100000", "≤ 60", "≤ 100", "≤ 200", "≤ 2000", "≥ 3", "≤ 1.5"]
    assert [f.value for f in figures if f.unit == "µs"] == [pytest.approx(3.0)] * 5
    assert all(f.holds for f in figures)


def test_one_rule_in_fifty_has_a_word_of_the_prompt() -> None:
    figure = bench.many_keywords(rules=100, each=4)
    assert figure.name.startswith("keyword signal, 400 keywords in 100 rules")
    assert figure.detail == "2 rules match"
    assert len(bench.prose(2048)) == 2048


def test_short_prompts_are_counted_one_by_one() -> None:
    rules = load(KEYWORDS).config.keyword_rules
    figure = bench.short_prompts(rules)
    assert figure.value == pytest.approx(len(bench.SHORT_PROMPTS) / 3e-6)
    assert all(len(text) <= 100 for text in bench.SHORT_PROMPTS)


async def test_the_whole_way_ends_with_the_adapter_and_an_endpoint() -> None:
    holdings = Holdings()
    snapshot = await compile_snapshot(load(KEYWORDS), holdings)
    body = bench.chat_body("Under EU law, is this contract void?")
    answer = bench.request_way(snapshot, Balancer(), body)()
    assert isinstance(answer, Mutation)
    assert answer.body is not None
    assert json.loads(answer.body)["model"] == "eu-law-lora"
    assert dict(answer.set_headers)["x-selected-endpoint"] == "vllm-legal"
    assert answer.metadata["decision"] == "eu-law"
    await holdings.close()


async def test_the_body_of_the_whole_way_is_one_of_a_kilobyte() -> None:
    holdings = Holdings()
    figure = bench.whole_way(await compile_snapshot(load(KEYWORDS), holdings))
    size = int(figure.name.split(" bytes")[0].rsplit(" ", 1)[1])
    assert 1_000 <= size <= 1_024
    await holdings.close()


def test_some_of_the_decisions_hold_and_some_do_not() -> None:
    figure = bench.many_decisions()
    assert figure.name == "decisions, 100 of 5 conditions, on 200 findings"
    assert 0 < int(figure.detail.split()[0]) < 100


def test_one_rule_of_many_means_what_the_prompt_means() -> None:
    figure: Figure = bench.many_candidates(200, 1.0)
    assert figure.name == "embedding signal, 200 candidates in 20 rules"
    assert figure.detail.startswith("1 holds")
