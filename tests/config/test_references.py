from __future__ import annotations

import pytest

CLASHES = {
    "two endpoints of one name": (
        "name: vllm-b",
        "name: vllm-a",
        (
            "config.yaml:8:11: vllm_endpoints[1].name: "
            "endpoint 'vllm-a' is already named on line 5; names must differ"
        ),
    ),
    "two categories that differ in case": (
        "- name: technical",
        "- name: LAW",
        (
            "config.yaml:27:11: categories[1].name: "
            "category 'LAW' is already named on line 22; names must differ"
        ),
    ),
    "two models with one adapter": (
        "- name: other-lora",
        "- name: law-lora",
        (
            "config.yaml:19:15: model_config.other.loras[0].name: "
            "adapter 'law-lora' is already named on line 15; names must differ"
        ),
    ),
    "an adapter with the name of a base model": (
        "- name: other-lora",
        "- name: base",
        (
            "config.yaml:19:15: model_config.other.loras[0].name: "
            "adapter 'base' has the name of a base model; names must differ"
        ),
    ),
    "an adapter named auto": (
        "- name: other-lora",
        "- name: auto",
        (
            "config.yaml:19:15: model_config.other.loras[0].name: "
            "adapter 'auto' has the name that asks the router to choose"
        ),
    ),
    "a model named like the default auto name": (
        "  other:",
        "  MoM:",
        (
            "config.yaml:17:3: model_config.MoM: "
            "model 'MoM' has the name that asks the router to choose"
        ),
    ),
    "a model named like the configured auto name": (
        "default_model: base",
        "default_model: base\nauto_model_name: other",
        (
            "config.yaml:17:3: model_config.other: "
            "model 'other' has the name that asks the router to choose"
        ),
    ),
    "an endpoint preferred twice": (
        "[vllm-a]",
        "[vllm-a, vllm-b, vllm-a]",
        (
            "config.yaml:13:43: model_config.base.preferred_endpoints[2]: "
            "endpoint 'vllm-a' is already named on line 13; names must differ"
        ),
    ),
}

DANGLING = {
    "an endpoint that is misspelt": (
        "[vllm-a]",
        "[vlm-a]",
        (
            "config.yaml:13:27: model_config.base.preferred_endpoints[0]: endpoint 'vlm-a' "
            "is not defined under vllm_endpoints; did you mean 'vllm-a'?"
        ),
    ),
    "an endpoint like no other": (
        "[vllm-a]",
        "[gpu]",
        (
            "config.yaml:13:27: model_config.base.preferred_endpoints[0]: endpoint 'gpu' "
            "is not defined under vllm_endpoints; known are 'vllm-a', 'vllm-b'"
        ),
    ),
    "a model that does not exist": (
        "- model: base\n        lora_name: law-lora",
        "- model: bsae\n        lora_name: law-lora",
        (
            "config.yaml:24:16: categories[0].model_scores[0].model: model 'bsae' "
            "is not defined under model_config; did you mean 'base'?"
        ),
    ),
    "an adapter where the base model belongs": (
        "- model: base\n        lora_name: law-lora",
        "- model: law-lora",
        (
            "config.yaml:24:16: categories[0].model_scores[0].model: 'law-lora' is an adapter "
            "of 'base', expected a base model; write model: base and lora_name: law-lora"
        ),
    ),
    "an adapter that does not exist": (
        "lora_name: law-lora",
        "lora_name: laww-lora",
        (
            "config.yaml:25:20: categories[0].model_scores[0].lora_name: adapter 'laww-lora' "
            "is not defined under the loras of model 'base'; did you mean 'law-lora'?"
        ),
    ),
    "another model's adapter": (
        "lora_name: law-lora",
        "lora_name: other-lora",
        (
            "config.yaml:25:20: categories[0].model_scores[0].lora_name: "
            "adapter 'other-lora' belongs to model 'other', not to 'base'"
        ),
    ),
    "a default model that does not exist": (
        "default_model: base",
        "default_model: law_lora",
        (
            "config.yaml:20:16: default_model: model or adapter 'law_lora' "
            "is not defined under model_config; did you mean 'law-lora'?"
        ),
    ),
}


@pytest.mark.parametrize(("old", "new", "line"), CLASHES.values(), ids=CLASHES)
def test_names_that_clash_are_errors_at_the_second(workspace, old, new, line):
    assert workspace.edited(old, new) == [line]


@pytest.mark.parametrize(("old", "new", "line"), DANGLING.values(), ids=DANGLING)
def test_names_that_lead_nowhere_are_errors_with_the_nearest(workspace, old, new, line):
    assert workspace.edited(old, new) == [line]


DECISIONS = """\
decisions:
  - name: a
    modelRefs:
      - {model: bsae}
      - {model: law-lora}
      - {model: base, lora_name: other-lora}
  - name: a
    modelRefs: [{model: other}]
"""


def test_decisions_name_models_as_categories_do_and_differ_in_their_names(workspace):
    assert workspace.added(DECISIONS) == [
        (
            "4:17: decisions[0].modelRefs[0].model: model 'bsae' is not defined under "
            "model_config; did you mean 'base'?"
        ),
        (
            "5:17: decisions[0].modelRefs[1].model: 'law-lora' is an adapter of 'base', expected "
            "a base model; write model: base and lora_name: law-lora"
        ),
        (
            "6:34: decisions[0].modelRefs[2].lora_name: adapter 'other-lora' belongs to model "
            "'other', not to 'base'"
        ),
        "7:11: decisions[1].name: decision 'a' is already named on line 33; names must differ",
    ]


def test_a_method_is_named_once_in_the_order(workspace):
    assert workspace.added("classification_order: [domain, mcp, domain]\n") == [
        (
            "1:37: classification_order[2]: method 'domain' is already named on line 32; "
            "names must differ"
        )
    ]


def test_an_adapter_may_be_the_default_model(workspace):
    assert workspace.edited("default_model: base", "default_model: law-lora") == []


def test_weights_that_are_all_0_leave_nobody_to_choose(workspace):
    text = "port: 8000\n    weight: 0"
    assert workspace.edited("port: 8000", text) == [
        (
            "config.yaml:14:26: model_config.base.preferred_endpoints: "
            "every endpoint here has weight 0, expected one that has more"
        )
    ]


def test_weights_that_are_all_0_in_the_whole_file_are_one_error(workspace, sound):
    text = sound.replace("port: 8000", "port: 8000\n    weight: 0")
    text = text.replace("port: 8001", "port: 8001\n    weight: 0")
    assert workspace.check(text) == [
        "config.yaml:5:3: vllm_endpoints: every endpoint has weight 0, expected one that has more"
    ]


def test_a_reasoning_family_without_definition_is_a_warning(workspace):
    assert workspace.edited("  base:\n", "  base:\n    reasoning_family: llama2\n") == [
        (
            "config.yaml:13:23: model_config.base.reasoning_family: warning: "
            "reasoning family 'llama2' is not defined, so that nothing is said to the model about "
            "reasoning; known are 'deepseek', 'gpt', 'gpt-oss', 'qwen3'; "
            "define it under reasoning_families or remove the key"
        )
    ]


def test_a_reasoning_family_of_the_files_own_is_known(workspace, sound):
    family = "reasoning_families: {mine: {type: reasoning_effort, parameter: effort}}\n"
    text = sound.replace("  base:\n", "  base:\n    reasoning_family: mine\n") + family
    assert workspace.check(text) == []


@pytest.mark.parametrize(
    ("key", "always"),
    [
        ("clear_route_cache", "envoy is always told to choose its route anew"),
        ("include_config_models_in_list", "/v1/models always lists models and adapters"),
    ],
)
def test_a_switch_that_cannot_be_switched_off_says_so(workspace, sound, key, always):
    assert workspace.check(f"{key}: true\n{sound}") == []
    assert workspace.check(f"{key}: false\n{sound}") == [
        f"config.yaml:1:{len(key) + 3}: {key}: warning: false has no effect: {always}"
    ]


def test_references_are_checked_although_other_values_are_wrong(workspace, sound):
    text = sound.replace("port: 8000", "port: no").replace("[vllm-a]", "[vlm-a]")
    assert [line.split(": ")[1] for line in workspace.check(text)] == [
        "vllm_endpoints[0].port",
        "model_config.base.preferred_endpoints[0]",
    ]
