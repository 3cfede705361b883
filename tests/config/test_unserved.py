from __future__ import annotations

import pytest

from router.config.shape import fields_of, section_at
from router.config.unserved import UNSERVED, unserved_in

NO_EFFECT = "warning: not served by this version and has no effect"


@pytest.mark.parametrize("key", ["semantic_cache", "prompt_guard", "decisions", "tools", "signals"])
def test_a_key_of_the_wider_family_is_accepted_with_one_warning(workspace, sound, key):
    assert workspace.check(f"{key}: {{enabled: true, x: [1]}}\n{sound}") == [
        f"config.yaml:1:1: {key}: {NO_EFFECT}"
    ]


def test_a_key_in_many_places_is_one_warning(workspace, sound):
    text = sound.replace("    model_scores:", "    pii_enabled: true\n    model_scores:")
    assert workspace.check(text) == [
        f"config.yaml:23:5: categories[0].pii_enabled: {NO_EFFECT} (written 2 times)"
    ]


def test_a_key_that_has_a_place_of_its_own_here_says_where(workspace):
    assert workspace.edited("- name: law\n", "- name: law\n    use_reasoning: true\n") == [
        (
            f"config.yaml:23:5: categories[0].use_reasoning: {NO_EFFECT}; "
            "set use_reasoning in model_scores"
        )
    ]


def test_a_misspelt_unserved_key_is_an_error_that_names_it(workspace, sound):
    assert workspace.check(f"semantic_cach: 1\n{sound}") == [
        "config.yaml:1:1: semantic_cach: unknown key; did you mean 'semantic_cache'?"
    ]


def test_unserved_keys_are_known_by_the_mapping_that_they_stand_in():
    assert "pii_model" in set(unserved_in(("classifier",)))
    assert "access_key" in set(unserved_in(("model_config", "base")))
    assert "pii_model" not in set(unserved_in(()))


@pytest.mark.parametrize("pattern", UNSERVED, ids=".".join)
def test_no_unserved_key_is_one_that_the_schema_serves(pattern):
    path = tuple(0 if step == "*" else step for step in pattern)
    section = section_at(path[:-1])
    assert section is not None
    assert pattern[-1] not in fields_of(section)
