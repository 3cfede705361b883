"""Directories that cannot be used: one line each, with the path and the mend."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from router.encoder.onnx import OnnxModel
from router.errors import ModelFilesError
from tests.encoder.tiny import BERT, LABELS, Builder

NAMES = {str(index): name for index, name in enumerate(LABELS)}


def refusal(directory: Path, mapping: Path | None = None) -> str:
    with pytest.raises(ModelFilesError) as caught:
        OnnxModel.load(directory, mapping=mapping)
    message = str(caught.value)
    assert "\n" not in message
    assert str(mapping or directory) in message
    return message


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


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


def test_more_names_than_logits_are_refused(build: Builder) -> None:
    directory = build()
    write(directory / "config.json", {"id2label": NAMES | {"3": "history"}, "pad_token_id": 0})
    assert f"3 logits, but {directory}/config.json names 4 labels" in refusal(directory)


def test_logits_without_names_are_refused(build: Builder) -> None:
    assert "3 logits but no label names" in refusal(build(bare=True))


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


def test_the_mapping_file_gives_aliases_in_lower_case(build: Builder) -> None:
    directory = build()
    aliases = {"Medical": ["health"], "everything": ["health", "law"]}
    write(
        directory / "category_mapping.json",
        {
            "category_to_idx": {name: index for index, name in enumerate(LABELS)},
            "idx_to_category": NAMES,
            "aliases": aliases,
        },
    )
    model = OnnxModel.load(directory)
    assert model.aliases == {"medical": ("health",), "everything": ("health", "law")}


@pytest.mark.parametrize(
    "content",
    [
        {"category_to_idx": {name: index for index, name in enumerate(LABELS)}},
        {"idx_to_category": NAMES},
        {"label_to_idx": {name: index for index, name in enumerate(LABELS)}},
        {"idx_to_label": NAMES},
    ],
    ids=lambda content: next(iter(content)),
)
def test_either_direction_of_a_mapping_is_enough(
    build: Builder, tmp_path: Path, content: object
) -> None:
    directory = build()
    write(directory / "config.json", {"pad_token_id": 0})
    mapping = write(tmp_path / "mapping.json", content)
    assert OnnxModel.load(directory, mapping=mapping).labels == LABELS


def test_generic_names_in_config_json_give_way_to_the_mapping(build: Builder) -> None:
    directory = build(labels=("LABEL_0", "LABEL_1", "LABEL_2"))
    write(directory / "category_mapping.json", {"idx_to_category": NAMES})
    assert OnnxModel.load(directory).labels == LABELS


def test_a_mapping_in_another_order_than_config_json_is_refused(
    build: Builder, tmp_path: Path
) -> None:
    names = {"0": "law", "1": "health", "2": "other"}
    mapping = write(tmp_path / "other.json", {"idx_to_category": names})
    assert "label 0 is 'law', but 'health' in" in refusal(build(), mapping)


def test_a_mapping_of_another_length_than_config_json_is_refused(
    build: Builder, tmp_path: Path
) -> None:
    mapping = write(tmp_path / "other.json", {"idx_to_category": {"0": "health"}})
    assert "1 labels, but" in refusal(build(), mapping)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "expected category_to_idx or idx_to_category, found neither"),
        ({"idx_to_category": NAMES, "category_to_idx": {"law": 0}}, "disagree"),
        ({"idx_to_category": {"0": "health", "2": "law"}}, "index 1 is missing"),
        ({"idx_to_category": {"0": "health", "1": "health"}}, "'health' occurs twice"),
        ({"idx_to_category": {"0": "health", "1": 7}}, "non-empty string"),
        ({"idx_to_category": []}, "expected an object"),
        ({"category_to_idx": []}, "expected an object"),
        ({"idx_to_category": NAMES, "aliases": []}, "aliases: expected an object"),
        ({"idx_to_category": NAMES, "aliases": {"tech": []}}, "aliases.tech: expected a list"),
        ({"idx_to_category": NAMES, "aliases": {"tech": ["cs"]}}, "'cs' is not a label"),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(
    build: Builder, tmp_path: Path, content: object, reason: str
) -> None:
    assert reason in refusal(build(), write(tmp_path / "mapping.json", content))


def test_a_missing_mapping_is_named(build: Builder, tmp_path: Path) -> None:
    assert "no such file" in refusal(build(), tmp_path / "absent.json")


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
