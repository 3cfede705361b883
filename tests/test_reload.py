"""A changed file takes effect, a bad one does not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from router.config import Loaded, load
from router.errors import ModelFilesError
from router.reload import Outcome, Reloader, Status

FILE = """
vllm_endpoints: [{name: a, address: 10.0.0.1, port: %d}]
model_config: {llama: {}}
default_model: llama
"""


class World:
    """A file, a reloader that follows it, and what came of it."""

    def __init__(self, path: Path, *, write: bool = True) -> None:
        self.path = path
        if write:
            self.write(8000)
        self.failure: Exception | None = None
        self.adoption: Exception | None = None
        self.adopted: list[int] = []
        self.outcomes: list[Outcome] = []
        self.looks = asyncio.Semaphore(0)
        self.looked = asyncio.Semaphore(0)
        self.reloader: Reloader[int] = Reloader(
            load(path), prepare=self.prepare, adopt=self.adopt, report=self.outcomes.append
        )

    def write(self, port: int) -> None:
        self.put(FILE % port)

    def put(self, text: str) -> None:
        """Write beside and rename, as careful people do."""
        beside = self.path.with_suffix(".new")
        beside.write_text(text)
        beside.replace(self.path)

    async def prepare(self, loaded: Loaded) -> int:
        if self.failure:
            raise self.failure
        return loaded.config.vllm_endpoints[0].port

    async def adopt(self, _: Loaded, port: int) -> None:
        if self.adoption:
            raise self.adoption
        self.adopted.append(port)

    async def pause(self, _: float) -> None:
        self.looked.release()
        await self.looks.acquire()

    async def look(self) -> None:
        """Let the reloader look once, and wait until it has."""
        self.looks.release()
        await asyncio.wait_for(self.looked.acquire(), 10)

    async def look_twice(self) -> None:
        """What changes is taken up when it has come to rest."""
        await self.look()
        await self.look()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "config.yaml")


@asynccontextmanager
async def watching(world: World) -> AsyncIterator[None]:
    task = asyncio.create_task(world.reloader.watch(world.pause))
    await asyncio.wait_for(world.looked.acquire(), 10)
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def watched(world: World) -> AsyncIterator[World]:
    async with watching(world):
        yield world


def statuses(world: World) -> list[Status]:
    return [outcome.status for outcome in world.outcomes]


async def test_a_changed_file_is_taken_up(watched: World) -> None:
    watched.write(9000)
    await watched.look_twice()
    assert watched.adopted == [9000]
    (outcome,) = watched.outcomes
    assert (outcome.status, outcome.version) == (Status.RELOADED, load(watched.path).version)


async def test_a_file_that_is_as_it_was_is_not_even_read(watched: World) -> None:
    await watched.look()
    await watched.look()
    assert watched.outcomes == []


async def test_a_file_that_was_only_touched_changes_nothing(watched: World) -> None:
    os.utime(watched.path, ns=(1, 1))
    await watched.look_twice()
    assert (statuses(watched), watched.adopted) == ([Status.UNCHANGED], [])
    assert watched.reloader.last is None


async def test_a_bad_file_changes_nothing_and_is_reported_once(watched: World) -> None:
    before = load(watched.path).version
    watched.put("default_model: [")
    await watched.look_twice()
    await watched.look()
    (outcome,) = watched.outcomes
    assert (outcome.status, outcome.version) == (Status.FAILED, before)
    assert outcome.problems
    assert str(watched.path) in outcome.problems[0]
    assert watched.adopted == []


async def test_a_file_that_is_gone_for_a_while_is_no_end(watched: World) -> None:
    watched.path.unlink()
    await watched.look_twice()
    watched.write(9001)
    await watched.look_twice()
    assert (statuses(watched), watched.adopted) == ([Status.FAILED, Status.RELOADED], [9001])


async def test_the_link_swap_of_a_config_map_is_noticed(tmp_path: Path) -> None:
    for version, port in (("v1", 8000), ("v2", 9000)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "config.yaml").write_text(FILE % port)
    (tmp_path / "..data").symlink_to("v1")
    (tmp_path / "config.yaml").symlink_to("..data/config.yaml")
    world = World(tmp_path / "config.yaml", write=False)
    async with watching(world):
        (tmp_path / "..new").symlink_to("v2")
        (tmp_path / "..new").replace(tmp_path / "..data")
        await world.look_twice()
    assert world.adopted == [9000]


async def test_whoever_asks_gets_a_reload_even_of_the_same_file(world: World) -> None:
    assert (await world.reloader.reload()).status is Status.RELOADED
    assert world.adopted == [8000]


@pytest.mark.parametrize(
    ("failure", "problem"),
    [
        (ModelFilesError("m: no such directory"), "m: no such directory"),
        (ValueError("my secret prompt"), "the router failed: ValueError"),
    ],
)
async def test_what_cannot_be_prepared_changes_nothing(
    world: World, failure: Exception, problem: str
) -> None:
    world.failure = failure
    outcome = await world.reloader.reload()
    assert (outcome.status, outcome.problems, world.adopted) == (Status.FAILED, (problem,), [])
    assert world.reloader.last is outcome
    world.failure = None
    assert (await world.reloader.reload()).status is Status.RELOADED


async def test_two_reloads_at_once_follow_one_another(world: World) -> None:
    await asyncio.gather(world.reloader.reload(), world.reloader.reload())
    assert statuses(world) == [Status.RELOADED, Status.RELOADED]


async def test_a_file_that_is_still_being_written_is_left_alone(watched: World) -> None:
    watched.write(9000)
    await watched.look()
    watched.write(9001)
    await watched.look()
    assert watched.adopted == []
    await watched.look()
    assert watched.adopted == [9001]


async def test_what_cannot_be_put_to_use_is_tried_again(watched: World) -> None:
    watched.adoption = OSError(28, "No space left on device")
    watched.write(9000)
    await watched.look_twice()
    (outcome,) = watched.outcomes
    assert outcome.problems == ("cannot be put to use: no space left on device",)
    watched.adoption = None
    await watched.look_twice()
    assert watched.adopted == [9000]


async def test_a_good_file_put_back_ends_the_failure(watched: World) -> None:
    good = watched.path.read_text()
    watched.put("default_model: [")
    await watched.look_twice()
    watched.put(good)
    await watched.look_twice()
    assert watched.reloader.last is not None
    assert watched.reloader.last.status is Status.UNCHANGED
