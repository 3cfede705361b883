from __future__ import annotations

import pytest

from router.config.decisions import Condition
from router.config.schema import Category, Config, Lora, ModelScore, ModelSettings
from router.config.shape import (
    field_at,
    fields_of,
    is_list_at,
    is_text_or_list_at,
    section_at,
    sections,
)


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ((), Config),
        (("model_config", "any"), ModelSettings),
        (("model_config", "any", "loras", 3), Lora),
        (("categories", 0), Category),
        (("categories", 0, "model_scores", 1), ModelScore),
        (("categories",), None),
        (("categories", 0, "name"), None),
        (("nowhere", "at", "all"), None),
    ],
)
def test_a_path_leads_to_the_section_whose_keys_stand_there(path, section):
    assert section_at(path) is section


def test_a_section_that_holds_itself_is_known_however_deep_and_listed_once():
    deep = ("decisions", 0, "rules", *("conditions", 0) * 20)
    assert section_at(deep) is Condition
    assert [path for path, section in sections() if section is Condition] == [
        ("decisions", 0, "rules")
    ]


@pytest.mark.parametrize(
    ("path", "is_list", "is_text_or_list"),
    [
        (("categories",), True, False),
        (("categories", 0), False, False),
        (("model_config",), False, False),
        (("routing_rules", 0, "match", "path"), True, True),
        (("routing_rules", 0, "match", "headers", "x-a"), True, True),
        (("keyword_rules", 0, "keywords"), True, False),
        (("nowhere",), False, False),
    ],
)
def test_lists_are_told_from_texts_that_may_be_several(path, is_list, is_text_or_list):
    assert is_list_at(path) is is_list
    assert is_text_or_list_at(path) is is_text_or_list


def test_a_path_leads_to_its_field():
    assert field_at(("model_config",)) is Config.model_fields["models"]
    assert field_at(("categories", 0, "nothing")) is None


@pytest.mark.parametrize("section", [section for _, section in sections()])
def test_every_key_of_every_section_says_what_it_means(section):
    assert section.__doc__
    for key, info in fields_of(section).items():
        assert info.description, key
        assert info.description.rstrip().endswith("."), key
