from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from router.config import labels_of
from router.config.labels import Vocabulary, find_path, read_vocabulary

LABELS = ("biology", "computer science", "engineering", "health", "other")
ALIASES = {
    "technical": ("computer science", "engineering"),
    "mental_health": ("health",),
    "stem": ("biology", "engineering"),
}


@dataclass(frozen=True)
class Named:
    name: str
    mmlu_categories: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("category", "labels"),
    [
        (Named("health"), ("health",)),
        (Named("Health"), ("health",)),
        (Named("computer_science"), ("computer science",)),
        (Named("Computer-Science"), ("computer science",)),
        (Named("technical"), ("computer science", "engineering")),
        (Named("Mental Health"), ("health",)),
        (Named("shop"), ()),
        (Named("shop", ("other",)), ("other",)),
        (Named("shop", ("technical", "HEALTH")), ("computer science", "engineering", "health")),
        (Named("stem", ("technical",)), ("biology", "computer science", "engineering")),
        (Named("health", ("nonsense",)), ("health",)),
    ],
)
def test_a_category_stands_for_its_name_and_its_mmlu_categories(category, labels):
    assert labels_of(category, LABELS, ALIASES) == labels


def test_an_alias_never_names_a_label_that_the_classifier_lacks():
    assert labels_of(Named("x"), ("law",), {"x": ("law", "tax")}) == ("law",)


def test_a_mapping_gives_labels_by_index_and_aliases(tmp_path):
    mapping = {"idx_to_category": {"10": "c", "2": "b", "0": "a"}, "aliases": {"x": ["a", "c"]}}
    (tmp_path / "category_mapping.json").write_text(json.dumps(mapping))
    assert read_vocabulary(tmp_path) == Vocabulary(("a", "b", "c"), {"x": ("a", "c")})


def test_without_a_mapping_the_models_own_labels_count(tmp_path):
    (tmp_path / "config.json").write_text('{"id2label": {"0": "a", "1": "b"}}')
    assert read_vocabulary(tmp_path) == Vocabulary(("a", "b"), {})


def test_a_mapping_elsewhere_is_taken_before_the_directorys(tmp_path):
    (tmp_path / "category_mapping.json").write_text('{"idx_to_category": {"0": "a"}}')
    other = tmp_path / "other.json"
    other.write_text('{"idx_to_category": {"0": "b"}}')
    assert read_vocabulary(tmp_path, other).labels == ("b",)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "is not valid json"),
        ("[" * 100_000, "is not valid json"),
        ("[]", "does not hold a json object"),
        ("{}", "names no labels"),
        ('{"idx_to_category": []}', "names no labels"),
        ('{"idx_to_category": {"a": "law"}}', "has a label whose index is no number"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_named(tmp_path, content, complaint):
    path = tmp_path / "category_mapping.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=complaint):
        read_vocabulary(tmp_path)


def test_a_directory_without_labels_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"^neither category_mapping.json nor config.json is in "):
        read_vocabulary(tmp_path)


def test_paths_are_looked_for_here_then_beside_the_file_then_above(tmp_path, monkeypatch):
    here, above, beside = tmp_path / "here", tmp_path / "repo", tmp_path / "repo" / "config"
    for directory in (here, beside):
        directory.mkdir(parents=True)
    monkeypatch.chdir(here)
    found = []
    for directory in (above, beside, here):
        (directory / "model").mkdir()
        path = find_path("model", beside)
        found.append(path.resolve() if path else None)
    assert found == [above / "model", beside / "model", here / "model"]
    assert find_path(str(above / "model"), beside) == above / "model"
    assert find_path("nowhere", beside) is None
