"""The owner thread: which texts run together, and what one bad text does to the others."""

from __future__ import annotations

import asyncio
import threading

import pytest

from router.encoder import Encoding
from router.encoder.batcher import Batcher
from router.errors import ClassifierFailed
from tests.encoder.scripted import ScriptedModel, busy, queue


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


async def test_a_model_that_answers_too_few_texts_fails_its_callers(batcher: Batcher) -> None:
    with pytest.raises(ClassifierFailed):
        await batcher.encode("swallowed")
    assert (await batcher.encode("law")).tokens == 3


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
