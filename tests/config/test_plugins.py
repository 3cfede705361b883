from __future__ import annotations

import pytest


def decision(plugins: str) -> str:
    return (
        "decisions:\n  - name: a\n    rules: {type: language, name: zh}\n"
        f"    modelRefs: [{{model: base}}]\n    plugins:\n{plugins}"
    )


NOT_THEIRS = (
    "expected a header that neither frames the message nor belongs to envoy or the router "
    "(x-envoy-*, x-selected-*, x-vsr-*)"
)
WRONG = {
    "another plugin's setting": (
        "      - type: system_prompt\n        configuration: {system_prompt: x, delete: [x-a]}\n",
        (
            "7:43: decisions[0].plugins[0].configuration.delete: "
            "a setting of header_mutation plugins, not of system_prompt"
        ),
    ),
    "two of one type": (
        (
            "      - {type: system_prompt, configuration: {system_prompt: x}}\n"
            "      - {type: system_prompt, configuration: {system_prompt: y}}\n"
        ),
        (
            "7:16: decisions[0].plugins[1].type: the decision has a system_prompt plugin on "
            "line 37, expected one of each type"
        ),
    ),
    "a header that frames the message": (
        (
            "      - type: header_mutation\n"
            "        configuration: {add: [{name: Content-Length, value: x}]}\n"
        ),
        (
            "7:38: decisions[0].plugins[0].configuration.add[0].name: found 'Content-Length', "
            f"{NOT_THEIRS}"
        ),
    ),
    "a header that says where the request goes": (
        "      - {type: header_mutation, configuration: {delete: [x-a, x-selected-endpoint]}}\n",
        (
            "6:63: decisions[0].plugins[0].configuration.delete[1]: found 'x-selected-endpoint', "
            f"{NOT_THEIRS}"
        ),
    ),
    "a plugin that does nothing": (
        "      - {type: system_prompt, configuration: {mode: insert}}\n",
        (
            "6:46: decisions[0].plugins[0].configuration: warning: found nothing for the plugin to "
            "do, expected system_prompt"
        ),
    ),
    "a plugin without settings": (
        "      - {type: header_mutation}\n",
        (
            "6:9: decisions[0].plugins[0].configuration: warning: found nothing for the plugin to "
            "do, expected add or update or delete"
        ),
    ),
}


@pytest.mark.parametrize(("plugins", "line"), WRONG.values(), ids=WRONG)
def test_a_plugin_that_does_not_do_what_it_says_is_one_finding(workspace, plugins, line):
    assert workspace.added(decision(plugins)) == [line]


def test_a_decision_may_have_a_plugin_of_each_type_and_another_the_same(workspace):
    plugins = (
        "      - {type: system_prompt, configuration: {system_prompt: x, mode: insert}}\n"
        "      - type: header_mutation\n"
        "        configuration: {add: [{name: X-Team, value: law}], delete: [x-debug]}\n"
    )
    other = decision(plugins).replace("decisions:\n", "").replace("name: a", "name: b")
    assert workspace.added(decision(plugins) + other.replace("zh", "ja")) == []


def test_a_plugin_that_is_switched_off_need_not_do_anything(workspace):
    plugins = "      - {type: system_prompt, configuration: {enabled: false}}\n"
    assert workspace.added(decision(plugins)) == []
