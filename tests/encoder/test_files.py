"""Directories that cannot be used: one line each, with the path and the mend."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from router.encoder.onnx import OnnxModel
from tests.encoder.refusals import refusal, write
from tests.encoder.tiny import BERT, Builder


def test_a_missing_directory_is_named_with_its_nearest_sibling(build: Builder) -> None:
    directory = build("mom-domain-classifier")
    message = refusal(directory.with_name("mom-domain-clasifier"))
    assert message.endswith(f"no such directory; did you mean {directory}?")


def test_a_missing_directory_without_siblings_says_what_belongs_there(tmp_path: Path) -> None:
    assert "model.onnx and tokenizer.json" in refusal(tmp_path / "nowhere" / "model")


def test_a_directory_without_a_graph_lists_the_names_looked_for(tmp_path: Path) -> None:
    assert "onnx/model_quantized.onnx" in refusal(tmp_path)


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
def test_pytorch_weights_alone_say_how_to_export(build: Builder, weights: str) -> None:
    directory = build()
    (directory / "model.onnx").rename(directory / weights)
    assert f"optimum-cli export onnx --model {directory}" in refusal(directory)


def test_a_missing_tokenizer_says_how_to_save_one(build: Builder) -> None:
    directory = build()
    (directory / "tokenizer.json").rename(directory / "vocab.txt")
    message = refusal(directory)
    assert "vocab.txt alone is not enough" in message
    assert "save_pretrained" in message


def test_a_corrupt_graph_is_named(build: Builder) -> None:
    directory = build()
    (directory / "model.onnx").write_bytes(b"\x08\x99broken")
    assert f"{directory}/model.onnx: cannot be read" in refusal(directory)


def test_a_git_lfs_pointer_says_how_to_fetch_the_file(build: Builder) -> None:
    directory = build()
    (directory / "model.onnx").write_text("version https://git-lfs.github.com/spec/v1\noid x\n")
    assert "git lfs pull" in refusal(directory)


def test_a_corrupt_tokenizer_is_named(build: Builder) -> None:
    directory = build()
    (directory / "tokenizer.json").write_text("{")
    assert f"{directory}/tokenizer.json: cannot be read" in refusal(directory)


@pytest.mark.parametrize(
    ("content", "reason"), [("{", "not JSON"), ("[]", "expected a JSON object, found list")]
)
def test_a_broken_config_is_named(build: Builder, content: str, reason: str) -> None:
    directory = build()
    (directory / "config.json").write_text(content)
    assert f"config.json: {reason}" in refusal(directory)


def test_a_token_classifier_is_refused(build: Builder) -> None:
    assert "logits have 3 axes, expected 2" in refusal(build(per_token=True))


def test_a_graph_without_a_known_output_lists_its_outputs(build: Builder) -> None:
    message = refusal(build(outputs=("sequence_summary",)))
    assert "outputs are sequence_summary; expected one of logits, embedding" in message


def test_a_fixed_shape_is_refused(build: Builder) -> None:
    assert "dynamic batch and sequence axes" in refusal(build(shape=(1, 128)))


def test_an_input_that_nobody_can_fill_is_refused(build: Builder) -> None:
    family = replace(BERT, inputs=("input_ids", "attention_mask", "pixel_values"))
    assert "input pixel_values of tensor(int64) cannot be filled" in refusal(build(family=family))


def test_an_unknown_pooling_is_refused(build: Builder) -> None:
    directory = build(outputs=("last_hidden_state",), bare=True)
    (directory / "1_Pooling").mkdir()
    write(directory / "1_Pooling" / "config.json", {"pooling_mode_max_tokens": True})
    assert "only cls and mean pooling" in refusal(directory)


def test_a_model_with_fewer_positions_gets_fewer_tokens(build: Builder) -> None:
    directory = build()
    config = json.loads((directory / "config.json").read_text())
    write(directory / "config.json", config | {"max_position_embeddings": 64})
    assert OnnxModel.load(directory).run(["court " * 500])[0].tokens == 64
