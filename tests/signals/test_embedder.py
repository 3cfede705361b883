"""Vectors for signals: phrases at load and kept on disk, prompts within their deadline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from router.config.classifier import CategoryModel, EmbeddingModel
from router.encoder import Encoding
from router.errors import DeadlineExceeded, ModelFilesError
from router.signals.anchors import ANCHORS
from router.signals.embedder import Embedder, encoder_settings
from router.testing import FakeEncoder
from tests.signals.meanings import config, encoder

SETTINGS = CategoryModel(model_id="model", timeout_ms=20, queue_size=64)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


async def test_phrases_are_unit_vectors_in_order() -> None:
    embedder = await Embedder.open(encoder(), SETTINGS)
    found = await embedder.phrases(["invoice", "laptop"])
    assert found.tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]


async def test_a_prompt_has_the_settings_deadline() -> None:
    fake = encoder()
    embedder = await Embedder.open(fake, SETTINGS)
    vector, encoding = await embedder.prompt("laptop")
    assert vector.tolist() == [1, 0, 0, 0]
    assert encoding.tokens == 1
    fake.gate.clear()
    with pytest.raises(DeadlineExceeded):
        await embedder.prompt("printer")


async def test_what_all_prompts_have_in_common_is_taken_out() -> None:
    common = {anchor: [0.6, 0.8] for anchor in ANCHORS}
    fake = FakeEncoder({}, vectors={**common, "a": [1.0, 0.0], "b": [0.0, 1.0]})
    embedder = await Embedder.open(fake, SETTINGS)
    a, b = await embedder.phrases(["a", "b"])
    assert float(a @ b) == pytest.approx(-(0.5**0.5))


async def test_the_next_process_embeds_no_phrase_again() -> None:
    first, second = encoder(identity="model"), encoder(identity="model")
    for fake in (first, second):
        await (await Embedder.open(fake, SETTINGS)).phrases(["laptop", "printer"])
    assert len(first.seen) == len(ANCHORS) + 2
    assert second.seen == []


async def test_a_prompt_is_never_kept_on_disk(tmp_path: Path) -> None:
    embedder = await Embedder.open(encoder(identity="model"), SETTINGS)

    def kept() -> list[bytes]:
        return [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]

    before = kept()
    await embedder.prompt("laptop")
    assert len(before) == 1
    assert kept() == before


async def test_a_model_without_sentence_vectors_is_refused() -> None:
    with pytest.raises(ModelFilesError, match="no sentence vectors"):
        await Embedder.open(FakeEncoder({"a": "b"}), SETTINGS)


def test_the_embedding_model_goes_before_the_category_model() -> None:
    own = EmbeddingModel(model_id="encoder")
    assert encoder_settings(config(embedding_model={"model_id": "encoder"})) == own
    settings = encoder_settings(config())
    assert settings is not None
    assert settings.model_id == "model"
    assert encoder_settings(config(classifier={})) is None


def test_facts_tell_how_the_prompt_was_read() -> None:
    encoding = Encoding(None, np.zeros(2, np.float32), tokens=9, truncated=True, cached=True)
    assert encoding.facts == {"tokens": 9, "truncated": True, "cached": True}
