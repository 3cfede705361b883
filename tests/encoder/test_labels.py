"""Label names and aliases: two files that must tell the same story."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.encoder.onnx import OnnxModel
from tests.encoder.refusals import refusal, write
from tests.encoder.tiny import LABELS, Builder

NAMES = {str(index): name for index, name in enumerate(LABELS)}


def test_more_names_than_logits_are_refused(build: Builder) -> None:
    directory = build()
    write(directory / "config.json", {"id2label": NAMES | {"3": "history"}, "pad_token_id": 0})
    assert f"3 logits, but {directory}/config.json names 4 labels" in refusal(directory)


def test_logits_without_names_are_refused(build: Builder) -> None:
    assert "3 logits but no label names" in refusal(build(bare=True))


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
