"""The asynchronous door: batches, limits, deadlines and ends, with a model that does as told."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from router.encoder import Encoding
from router.encoder.batcher import Batcher
from router.encoder.facts import BatchFacts
from router.encoder.onnx import OnnxModel
from router.encoder.tokens import Tokens
from router.errors import ClassifierFailed, DeadlineExceeded, Overloaded
from tests.encoder.tiny import Builder


@dataclass
class Gate:
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)


class ScriptedModel:
    """One token for each character; a run of a held text waits, and some texts are poison."""

    labels = ("health", "law")
    aliases: Mapping[str, tuple[str, ...]] = {"legal": ("law",)}

    def __init__(self, token_budget: int = 1000) -> None:
        self.token_budget = token_budget
        self.held: dict[str, Gate] = {}
        self.batches: list[list[str]] = []
        self.threads: set[str] = set()

    def cut(self, text: str) -> str:
        return text[:100]

    def tokenize(self, text: str) -> Tokens:
        if "unreadable" in text:
            raise ValueError(text)
        return Tokens([ord(character) for character in text], truncated=len(text) == 100)

    def run_tokens(self, batch: Sequence[Tokens]) -> list[Encoding]:
        texts = ["".join(map(chr, tokens.ids)) for tokens in batch]
        self.threads.add(threading.current_thread().name)
        for gate in [self.held[text] for text in texts if text in self.held]:
            gate.reached.set()
            assert gate.opened.wait(30)
        self.batches.append(texts)
        if any("poison" in text for text in texts):
            raise ValueError(f"cannot digest {texts}")
        if "fatal" in texts:
            raise KeyboardInterrupt
        if "swallowed" in texts:
            return []
        return [encoding(text) for text in texts]

    def hold(self, text: str) -> Gate:
        return self.held.setdefault(text, Gate())

    def release(self) -> None:
        for gate in self.held.values():
            gate.opened.set()


def encoding(text: str) -> Encoding:
    law = np.float32("law" in text)
    return Encoding(np.array([1 - law, law]), None, len(text), truncated=len(text) == 100)


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel()


@pytest.fixture
async def batcher(model: ScriptedModel) -> AsyncIterator[Batcher]:
    made = Batcher(model, queue_size=3, cache_size=4)
    yield made
    model.release()
    await made.close()


async def busy(batcher: Batcher, model: ScriptedModel) -> asyncio.Task[Encoding]:
    """A first request that the model is working on until released."""
    gate = model.hold("first")
    task = asyncio.create_task(batcher.encode("first"))
    assert await asyncio.to_thread(gate.reached.wait, 30)
    return task


async def queue(batcher: Batcher, *texts: str) -> list[asyncio.Task[Encoding]]:
    """Requests that are waiting behind the first one."""
    before = batcher.statistics().requests
    tasks = [asyncio.create_task(batcher.encode(text)) for text in texts]
    await asyncio.sleep(0)  # one turn of the loop: each has come as far as it can
    assert batcher.statistics().requests == before + len(texts)
    return tasks


async def test_a_lone_request_is_run_alone_on_the_owner_thread(
    batcher: Batcher, model: ScriptedModel
) -> None:
    found = await batcher.encode("law")
    assert found.probabilities is not None
    assert found.probabilities[1] == 1
    assert model.batches == [["law"]]
    assert model.threads == {"encoder"}


async def test_labels_and_aliases_are_the_models(batcher: Batcher) -> None:
    assert batcher.labels == ("health", "law")
    assert batcher.aliases == {"legal": ("law",)}


async def test_requests_that_wait_go_together(batcher: Batcher, model: ScriptedModel) -> None:
    first = await busy(batcher, model)
    waiting = await queue(batcher, "long law", "flu", "lawyer")
    model.release()
    found = await asyncio.gather(first, *waiting)
    assert model.batches == [["first"], ["flu", "lawyer", "long law"]]
    assert [one.probabilities[1] for one in found if one.probabilities is not None] == [0, 1, 0, 1]


async def test_padded_tokens_stay_within_the_budget(model: ScriptedModel) -> None:
    batcher = Batcher(model, token_budget=10)
    first = await busy(batcher, model)
    waiting = await queue(batcher, "12345", "1234", "123456", "a text beyond every budget")
    model.release()
    await asyncio.gather(first, *waiting)
    assert model.batches[1:] == [["1234", "12345"], ["123456"], ["a text beyond every budget"]]
    await batcher.close()


async def test_a_model_that_wants_texts_alone_gets_them_alone_in_order() -> None:
    model = ScriptedModel(token_budget=1)
    batcher = Batcher(model)
    first = await busy(batcher, model)
    waiting = await queue(batcher, "second", "2")
    model.release()
    await asyncio.gather(first, *waiting)
    assert model.batches == [["first"], ["second"], ["2"]]
    await batcher.close()


async def test_a_full_queue_answers_overloaded_at_once(
    batcher: Batcher, model: ScriptedModel
) -> None:
    first = await busy(batcher, model)
    waiting = await queue(batcher, "a", "b", "c")
    with pytest.raises(Overloaded, match="queue of 3 texts is full"):
        await batcher.encode("d")
    model.release()
    await asyncio.gather(first, *waiting)
    assert batcher.statistics().overloaded == 1
    assert (await batcher.encode("d")).tokens == 1


async def test_a_deadline_passes_while_the_model_is_busy(
    batcher: Batcher, model: ScriptedModel
) -> None:
    first = await busy(batcher, model)
    with pytest.raises(DeadlineExceeded, match=r"no classification within 0\.01 seconds"):
        await batcher.encode("late", timeout=0.01)
    assert batcher.statistics().queued == 0
    model.release()
    await first
    await batcher.encode("next")
    assert model.batches == [["first"], ["next"]]
    assert batcher.statistics().expired == 1


async def test_a_generous_deadline_leaves_no_timer_behind(batcher: Batcher) -> None:
    assert (await batcher.encode("law", timeout=30)).tokens == 3
    assert batcher.statistics().expired == 0


async def test_a_cancelled_caller_is_dropped_before_the_run(
    batcher: Batcher, model: ScriptedModel
) -> None:
    first = await busy(batcher, model)
    gone, stays = await queue(batcher, "gone", "stays")
    gone.cancel()
    await asyncio.wait([gone])
    assert batcher.statistics().queued == 1
    model.release()
    await asyncio.gather(first, stays)
    assert model.batches == [["first"], ["stays"]]
    assert batcher.statistics().cancelled == 1


async def test_a_caller_cancelled_after_the_batch_was_formed_is_dropped_too() -> None:
    model = ScriptedModel(token_budget=4)
    batcher = Batcher(model)
    first = await busy(batcher, model)
    # Both are taken from the queue together, but the budget runs them one after the other.
    one, two = await queue(batcher, "123", "1234")
    second = model.hold("123")
    model.held["first"].opened.set()
    assert await asyncio.to_thread(second.reached.wait, 30)
    two.cancel()
    await asyncio.wait([two])
    model.release()
    await asyncio.gather(first, one)
    await batcher.close()
    assert model.batches == [["first"], ["123"]]


async def test_a_text_wanted_twice_survives_one_callers_end(
    batcher: Batcher, model: ScriptedModel
) -> None:
    first = await busy(batcher, model)
    gone, stays = await queue(batcher, "same", "same")
    gone.cancel()
    model.release()
    await first
    assert (await stays).tokens == 4
    assert model.batches == [["first"], ["same"]]


async def test_identical_texts_under_way_share_one_computation(
    batcher: Batcher, model: ScriptedModel
) -> None:
    first = await busy(batcher, model)
    others = await queue(batcher, "first", "first")
    model.release()
    one, two, three = await asyncio.gather(first, *others)
    assert one is two is three
    assert model.batches == [["first"]]
    assert batcher.statistics().shared == 2


async def test_a_remembered_text_is_not_computed_again(
    batcher: Batcher, model: ScriptedModel
) -> None:
    fresh, again = await batcher.encode("law"), await batcher.encode("law")
    assert (fresh.cached, again.cached) == (False, True)
    assert again.probabilities is fresh.probabilities
    assert model.batches == [["law"]]
    assert batcher.statistics().cache_hits == 1


async def test_texts_that_differ_only_where_nobody_reads_are_one_text(
    batcher: Batcher, model: ScriptedModel
) -> None:
    found = [await batcher.encode("x" * 100 + end) for end in ("a", "b")]
    assert [one.cached for one in found] == [False, True]
    assert batcher.statistics().truncated == 1


async def test_the_cache_forgets_what_was_asked_for_longest_ago(
    batcher: Batcher, model: ScriptedModel
) -> None:
    for text in ("a", "b", "c", "d", "a", "e"):
        await batcher.encode(text)
    assert batcher.statistics().cached == 4
    assert (await batcher.encode("a")).cached
    assert not (await batcher.encode("b")).cached


async def test_a_cache_of_size_0_remembers_nothing(model: ScriptedModel) -> None:
    batcher = Batcher(model, cache_size=0)
    assert [(await batcher.encode("law")).cached for _ in range(2)] == [False, False]
    await batcher.close()


async def test_one_poisonous_text_fails_alone(batcher: Batcher, model: ScriptedModel) -> None:
    first = await busy(batcher, model)
    waiting = await queue(batcher, "law", "poison", "flu")
    model.release()
    await first
    law, poison, flu = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(law, Encoding)
    assert isinstance(flu, Encoding)
    assert isinstance(poison, ClassifierFailed)
    assert str(poison) == "the classifier raised ValueError"
    assert batcher.statistics().failed == 1


async def test_a_text_that_cannot_be_tokenized_fails_alone(
    batcher: Batcher, model: ScriptedModel
) -> None:
    first = await busy(batcher, model)
    waiting = await queue(batcher, "law", "unreadable")
    model.release()
    await first
    law, unreadable = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(law, Encoding)
    assert isinstance(unreadable, ClassifierFailed)
    assert "unreadable" not in str(unreadable)


async def test_a_failure_is_not_remembered(batcher: Batcher, model: ScriptedModel) -> None:
    for _ in range(2):
        with pytest.raises(ClassifierFailed):
            await batcher.encode("poison")
    assert model.batches == [["poison"], ["poison"]]


async def test_a_model_that_answers_too_few_texts_fails_its_callers(batcher: Batcher) -> None:
    with pytest.raises(ClassifierFailed):
        await batcher.encode("swallowed")
    assert (await batcher.encode("law")).tokens == 3


async def test_closing_fails_whoever_waits_even_behind_a_run_that_takes_long(
    batcher: Batcher, model: ScriptedModel
) -> None:
    first = await busy(batcher, model)
    waiting = await queue(batcher, "a", "b")
    closing = asyncio.create_task(batcher.close())
    results = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert [str(result) for result in results] == ["the classifier was closed"] * 3
    assert all(isinstance(result, ClassifierFailed) for result in results)
    model.release()
    await closing
    assert model.batches == [["first"]]


async def test_a_closed_batcher_refuses_and_may_be_closed_again(batcher: Batcher) -> None:
    await batcher.encode("law")
    await batcher.close()
    await batcher.close()
    with pytest.raises(ClassifierFailed, match="was closed"):
        await batcher.encode("law")


async def test_closing_ends_the_owner_thread(batcher: Batcher) -> None:
    await batcher.encode("law")
    await batcher.close()
    assert "encoder" not in {thread.name for thread in threading.enumerate() if thread.is_alive()}


async def test_an_unused_batcher_closes_without_ever_having_had_a_thread(
    model: ScriptedModel,
) -> None:
    await Batcher(model).close()
    assert "encoder" not in {thread.name for thread in threading.enumerate()}


async def test_callers_of_an_owner_that_died_are_told(
    batcher: Batcher, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: died.set())
    first = await busy(batcher, model)
    waiting = await queue(batcher, "fatal", "a text of another batch" * 50)
    model.release()
    await first
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, ClassifierFailed) for result in results)
    assert await asyncio.to_thread(died.wait, 30)


async def test_a_second_event_loop_is_refused(batcher: Batcher) -> None:
    await batcher.encode("law")
    with pytest.raises(RuntimeError, match="serves one event loop"):
        await asyncio.to_thread(asyncio.run, batcher.encode("law"))


async def test_the_observer_learns_of_every_forward_pass(model: ScriptedModel) -> None:
    seen: list[BatchFacts] = []
    batcher = Batcher(model, observer=seen.append)
    first = await busy(batcher, model)
    waiting = await queue(batcher, "law", "lawyer")
    model.release()
    await asyncio.gather(first, *waiting)
    await batcher.close()
    assert [(facts.size, facts.padded_tokens) for facts in seen] == [(1, 5), (2, 12)]
    assert all(seconds >= 0 for facts in seen for seconds in facts.queue_seconds)
    assert [len(facts.queue_seconds) for facts in seen] == [1, 2]
    statistics = batcher.statistics()
    assert (statistics.batches, statistics.texts, statistics.requests) == (2, 3, 3)


async def test_a_real_model_answers_through_a_batcher_as_it_does_directly(build: Builder) -> None:
    model = OnnxModel.load(build(outputs=("logits", "embedding")))
    batcher = Batcher(model)
    texts = ["doctor", "contract court", "", "\ud800", "hello " * 1000, "doctor"]
    found = await asyncio.gather(*(batcher.encode(text) for text in texts))
    for encoding, expected in zip(found, model.run(texts), strict=True):
        np.testing.assert_allclose(encoding.probabilities, expected.probabilities, atol=1e-6)
        np.testing.assert_allclose(encoding.embedding, expected.embedding, atol=1e-6)
        assert encoding.truncated == expected.truncated
    await batcher.close()


LEFT_OPEN = """
import asyncio, sys, threading
from tests.encoder.test_batcher import ScriptedModel
from router.encoder import batcher
batcher.CLOSE_SECONDS = 0.1
model = ScriptedModel()

async def main():
    made = batcher.Batcher(model)
    await made.encode("law")
    if sys.argv[1] == "stuck":
        gate = model.hold("stuck")
        asyncio.ensure_future(made.encode("stuck"))
        await asyncio.to_thread(gate.reached.wait)

asyncio.run(main())
"""


@pytest.mark.parametrize("state", ["idle", "stuck"])
def test_the_interpreter_exits_though_nobody_closed(state: str) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN, state], cwd=root, capture_output=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
