from __future__ import annotations

import asyncio

import pytest

from router.encoder import Encoder
from router.errors import DeadlineExceeded, Overloaded
from router.testing import FakeEncoder


def encoder() -> FakeEncoder:
    return FakeEncoder({"heart": "medical", "contract": "legal"})


async def test_the_table_decides() -> None:
    fake: Encoder = encoder()
    encoding = await fake.encode("heart")
    assert encoding.probabilities is not None
    assert fake.labels == ("legal", "medical")
    assert encoding.probabilities.tolist() == pytest.approx([0.1, 0.9])


async def test_other_texts_fit_every_label() -> None:
    encoding = await encoder().encode("weather")
    assert encoding.probabilities is not None
    assert encoding.probabilities.tolist() == [0.5, 0.5]


async def test_a_failure_is_raised() -> None:
    fake = encoder()
    fake.failure = Overloaded("full")
    with pytest.raises(Overloaded):
        await fake.encode("heart")


async def test_a_shut_gate_holds_calls_up_to_their_deadline() -> None:
    fake = encoder()
    fake.gate.clear()
    with pytest.raises(DeadlineExceeded):
        await fake.encode("heart", timeout=0.01)
    asked = asyncio.create_task(fake.encode("contract"))
    assert await fake.asked() == "heart"
    fake.gate.set()
    await asked
    assert fake.seen == ["heart", "contract"]


async def test_it_can_be_closed() -> None:
    fake = encoder()
    await fake.close()
    assert fake.closed


async def test_vectors_make_it_a_sentence_encoder() -> None:
    fake: Encoder = FakeEncoder({}, vectors={"heart": [0.6, 0.8]}, identity="one")
    encoding = await fake.encode("heart")
    assert encoding.probabilities is None
    assert encoding.embedding is not None
    assert encoding.embedding.tolist() == pytest.approx([0.6, 0.8])
    other = (await fake.encode("weather")).embedding
    assert other is not None
    assert other.tolist() == [0, 0]
    assert (fake.identity, encoder().identity) == ("one", "")
    assert (await encoder().encode("heart")).embedding is None
