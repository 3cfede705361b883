"""The asynchronous door: limits, deadlines, the cache and ends, with a model that does as told."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from router.encoder.batcher import Batcher
from router.encoder.facts import BatchFacts
from router.encoder.onnx import OnnxModel
from router.errors import ClassifierFailed, DeadlineExceeded, Overloaded
from tests.encoder.scripted import ScriptedModel, busy, queue
from tests.encoder.tiny import Builder


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


async def test_a_failure_is_not_remembered(batcher: Batcher, model: ScriptedModel) -> None:
    for _ in range(2):
        with pytest.raises(ClassifierFailed):
            await batcher.encode("poison")
    assert model.batches == [["poison"], ["poison"]]


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
import asyncio, atexit, sys
from router.encoder import batcher
from tests.encoder.scripted import ScriptedModel

state = sys.argv[1]
model = ScriptedModel()
atexit.register(lambda: print(model.batches))

async def main():
    made = batcher.Batcher(model)
    await made.encode("law")
    if state == "idle":
        return
    gate = model.hold("slow")
    asyncio.ensure_future(made.encode("slow"))
    await asyncio.to_thread(gate.reached.wait)
    if state == "stuck":
        batcher.CLOSE_SECONDS = 0.1
    else:
        atexit.register(gate.opened.set)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("state", "ran"),
    [("idle", [["law"]]), ("stuck", [["law"]]), ("running", [["law"], ["slow"]])],
)
def test_an_exit_that_nobody_prepared_waits_for_the_run_but_not_for_ever(
    state: str, ran: list[list[str]]
) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", LEFT_OPEN, state]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{ran}\n"
