"""Many texts to vectors: each computed once, never too many at a time, the disk as a help."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from router.encoder import Encoding, vectors
from router.encoder.vectors import embed
from router.errors import ClassifierFailed, ModelFilesError, Overloaded
from router.testing import FakeEncoder

TABLE = {"one": [1.0, 0.0], "two": [0.0, 1.0], "three": [0.6, 0.8]}


def encoder(identity: str = "model") -> FakeEncoder:
    return FakeEncoder({}, vectors=TABLE, identity=identity)


class Busy(FakeEncoder):
    """Holds at most `room` calls at once; one more is refused, and `refusals` before any."""

    def __init__(self, room: int = 1000, refusals: int = 0) -> None:
        super().__init__({}, vectors=TABLE)
        self.room, self.refusals = room, refusals
        self.inside = self.most = 0

    async def encode(self, text: str, *, timeout: float | None = None) -> Encoding:
        if self.refusals or self.inside == self.room:
            self.refusals = max(0, self.refusals - 1)
            raise Overloaded("full")
        self.inside += 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(0)  # the others come in
        self.inside -= 1
        return await super().encode(text, timeout=timeout)


def files(directory: Path) -> list[Path]:
    return list(directory.iterdir())


def spoil(directory: Path) -> bytes:
    """Cut the only file's last byte off; what it held before."""
    (file,) = files(directory)
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    return content


async def test_vectors_come_in_the_order_of_the_texts() -> None:
    found = await embed(encoder(), ["two", "one", "two"], queue_size=8, cache=None)
    assert found.dtype == np.float32
    assert found.tolist() == [[0, 1], [1, 0], [0, 1]]


async def test_a_text_is_computed_once() -> None:
    fake = encoder()
    await embed(fake, ["two", "one", "two"], queue_size=8, cache=None)
    assert sorted(fake.seen) == ["one", "two"]


@pytest.mark.parametrize(("queue_size", "most"), [(1, 1), (8, 2), (100_000, vectors.AT_ONCE)])
async def test_only_a_part_of_the_queue_is_used(queue_size: int, most: int) -> None:
    busy = Busy()
    await embed(busy, [str(number) for number in range(200)], queue_size=queue_size, cache=None)
    assert busy.most == most


async def test_a_full_queue_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "_RETRY_SECONDS", 0)
    busy = Busy(refusals=5)
    found = await embed(busy, ["one"], queue_size=1, cache=None)
    assert found.tolist() == [[1, 0]]


async def test_a_queue_that_stays_full_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "_RETRY_SECONDS", 0)
    with pytest.raises(Overloaded):
        await embed(Busy(room=0), ["one"], queue_size=8, cache=None)


class Stuck(FakeEncoder):
    """Fails on one text and never answers any other."""

    async def encode(self, text: str, *, timeout: float | None = None) -> Encoding:
        if text == "two":
            raise ClassifierFailed("broken")
        return await asyncio.get_running_loop().create_future()


async def test_one_failure_ends_the_others() -> None:
    with pytest.raises(ClassifierFailed):
        await embed(Stuck({}, vectors=TABLE), list(TABLE), queue_size=100, cache=None)
    assert len(asyncio.all_tasks()) == 1


async def test_a_model_without_vectors_is_named_with_the_mend() -> None:
    with pytest.raises(ModelFilesError, match=r"no sentence vectors.*embedding_model"):
        await embed(FakeEncoder({"a": "b"}), ["one"], queue_size=8, cache=None)


async def test_the_next_process_finds_vectors_on_disk(tmp_path: Path) -> None:
    await embed(encoder(), ["one", "two"], queue_size=8, cache=tmp_path)
    later = encoder()
    found = await embed(later, ["two", "three", "one"], queue_size=8, cache=tmp_path)
    assert found.tolist() == [[0, 1], pytest.approx([0.6, 0.8]), [1, 0]]
    assert later.seen == ["three"]
    again = encoder()
    await embed(again, list(TABLE), queue_size=8, cache=tmp_path)
    assert again.seen == []


async def test_another_model_or_a_nameless_one_takes_nothing_from_disk(tmp_path: Path) -> None:
    await embed(encoder("one"), ["one"], queue_size=8, cache=tmp_path)
    for identity in ("other", ""):
        fake = encoder(identity)
        await embed(fake, ["one"], queue_size=8, cache=tmp_path)
        assert fake.seen == ["one"]


async def test_a_spoilt_file_is_written_anew(tmp_path: Path) -> None:
    await embed(encoder(), ["one"], queue_size=8, cache=tmp_path)
    content = spoil(tmp_path)
    await embed(encoder(), ["one"], queue_size=8, cache=tmp_path)
    assert [file.read_bytes() for file in files(tmp_path)] == [content]


async def test_an_unwritable_directory_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    found = await embed(encoder(), ["one"], queue_size=8, cache=tmp_path / "file")
    assert found.tolist() == [[1, 0]]
