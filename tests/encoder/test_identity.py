"""A model's name for caches: the same for the same vectors, another for any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.encoder.batcher import Batcher
from router.encoder.onnx import OnnxModel
from tests.encoder.tiny import MODERNBERT, Builder

EMBEDDING = ("logits", "embedding")


def identity(directory: Path, **settings: int) -> str:
    return OnnxModel.load(directory, **settings).identity  # type: ignore[arg-type]


def test_a_copy_of_a_model_is_the_same_model(build: Builder) -> None:
    one, copy = build("one", outputs=EMBEDDING), build("copy", outputs=EMBEDDING)
    assert identity(one) == identity(one) == identity(copy)
    assert len(identity(one)) == 32


def test_the_graph_the_tokenizer_and_the_cuts_tell_models_apart(build: Builder) -> None:
    model = build("model", outputs=EMBEDDING)
    found = [
        identity(model),
        identity(build("labels-only")),
        identity(build("family", family=MODERNBERT, outputs=EMBEDDING)),
        identity(model, head_tokens=16),
        identity(model, tail_tokens=16),
    ]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("name", ["tokenizer.json", "model.onnx_data"])
def test_weights_beside_the_graph_and_the_tokenizer_count(build: Builder, name: str) -> None:
    directory = build(outputs=EMBEDDING)
    before = identity(directory)
    with (directory / name).open("ab") as file:
        file.write(b" ")
    assert identity(directory) != before


def test_pooling_counts(build: Builder) -> None:
    directory = build(outputs=("last_hidden_state",))
    before = identity(directory)
    (directory / "1_Pooling").mkdir()
    (directory / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    assert identity(directory) != before


async def test_a_batcher_is_known_by_its_model(build: Builder) -> None:
    model = OnnxModel.load(build(outputs=EMBEDDING))
    assert Batcher(model).identity == model.identity != ""
