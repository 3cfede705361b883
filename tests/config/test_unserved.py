from __future__ import annotations

import pytest

from router.config.shape import fields_of, section_at
from router.config.unserved import UNSERVED, unserved_in

NO_EFFECT = "warning: not served by this version and has no effect"


@pytest.mark.parametrize("key", ["semantic_cache", "prompt_guard", "providers", "tools"])
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


PLUGINS = """\
decisions:
  - name: a
    modelRefs: [{model: base}]
    plugins:
      - type: semantic-cache
        configuration: {enabled: true}
      - type: system_prompt
        configuration: {system_prompt: Be brief., mode: inset}
      - {type: pii, configuration: {pii_types_allowed: [AGE]}}
      - {type: sytem_prompt}
  - name: b
    modelRefs: [{model: base}]
    rules: {type: language, name: zh}
    plugins: [{type: semantic-cache}]
"""


def test_plugins_of_the_wider_family_are_set_aside_and_the_others_keep_their_places(workspace):
    no_effect = NO_EFFECT.removeprefix("warning: ")
    assert workspace.added(PLUGINS) == [
        (
            "8:57: decisions[0].plugins[1].configuration.mode: found 'inset', "
            "expected one of replace, insert; did you mean 'insert'?"
        ),
        (
            "10:16: decisions[0].plugins[3].type: found 'sytem_prompt', "
            "expected one of system_prompt, header_mutation; did you mean 'system_prompt'?"
        ),
        (
            "5:9: decisions[0].plugins[0]: warning: plugin 'semantic-cache' is "
            f"{no_effect} (written 2 times)"
        ),
        f"9:9: decisions[0].plugins[2]: warning: plugin 'pii' is {no_effect}",
    ]


def test_signals_and_rules_keep_what_is_served_of_them(workspace):
    text = """\
signals:
  fact_check: [{name: x}]
embedding_rules:
  - {category: law, candidates: [a court], quality_priority: 0.1, model: qwen3}
  - {category: law, candidates: [a judge], model: gemma}
"""
    assert workspace.added(text) == [
        f"2:3: signals.fact_check: {NO_EFFECT}",
        f"4:44: embedding_rules[0].quality_priority: {NO_EFFECT}",
        f"4:67: embedding_rules[0].model: {NO_EFFECT} (written 2 times)",
    ]


@pytest.mark.parametrize(
    ("key", "instead"),
    [("prompt", "write system_prompt"), ("headers", "write add, update or delete")],
)
def test_a_word_of_the_wider_family_for_a_setting_is_an_error_with_ours(workspace, key, instead):
    text = f"""\
decisions:
  - name: a
    rules: {{type: language, name: zh}}
    modelRefs: [{{model: base}}]
    plugins: [{{type: system_prompt, configuration: {{{key}: x}}}}]
"""
    assert workspace.added(text) == [
        f"5:53: decisions[0].plugins[0].configuration.{key}: unknown key; {instead}"
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
