"""Model directories on demand, and a batcher over a scripted model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.encoder.batcher import Batcher
from tests.encoder.scripted import ScriptedModel
from tests.encoder.tiny import Builder, Recipe, write_model


@pytest.fixture
def build(tmp_path: Path) -> Builder:
    """Write a model directory; keyword arguments are the recipe's."""

    def make(name: str = "model", **recipe: object) -> Path:
        directory = tmp_path / name
        write_model(directory, Recipe(**recipe))  # type: ignore[arg-type]
        return directory

    return make


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel()


@pytest.fixture
async def batcher(model: ScriptedModel) -> AsyncIterator[Batcher]:
    made = Batcher(model, queue_size=3, cache_size=4)
    yield made
    model.release()
    await made.close()
