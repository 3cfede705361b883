from __future__ import annotations

import pytest

from router.config.schema import Category, Config, Lora, ModelScore, ModelSettings
from router.config.shape import field_at, fields_of, section_at, sections


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


def test_a_path_leads_to_its_field():
    assert field_at(("model_config",)) is Config.model_fields["models"]
    assert field_at(("categories", 0, "nothing")) is None


@pytest.mark.parametrize("section", [section for _, section in sections()])
def test_every_key_of_every_section_says_what_it_means(section):
    assert section.__doc__
    for key, info in fields_of(section).items():
        assert info.description, key
        assert info.description.rstrip().endswith("."), key
