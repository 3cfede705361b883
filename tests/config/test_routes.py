from __future__ import annotations

import pytest

WRONG = {
    "neither match nor fallback": (
        "  - route: {backend: vllm-a}\n",
        "2:5: routing_rules[0]: found neither match nor fallback, expected one of them",
    ),
    "match and fallback": (
        "  - {match: {path: /x}, fallback: null, route: {backend: vllm-a}}\n",
        "2:5: routing_rules[0]: found match and fallback in one rule, expected one of them",
    ),
    "nothing to match": (
        "  - {match: {model: []}, route: {backend: vllm-a}}\n",
        (
            "2:13: routing_rules[0].match: found nothing to match, expected facts; "
            "a fallback takes all requests"
        ),
    ),
    "no route": (
        "  - match: {path: /x}\n",
        "2:5: routing_rules[0].route: missing; expected where the requests go",
    ),
    "no route in a fallback": (
        "  - fallback:\n",
        "2:5: routing_rules[0].route: missing; expected where the requests go",
    ),
    "two routes": (
        "  - {fallback: {route: {backend: vllm-a}}, route: {backend: vllm-b}}\n",
        "2:5: routing_rules[0]: found two routes in one rule, expected one",
    ),
    "two fallbacks": (
        "  - {fallback: {route: {backend: vllm-a}}}\n  - {fallback: , route: {backend: vllm-b}}\n",
        "3:5: routing_rules[1]: a fallback is already on line 33; only one is ever used",
    ),
    "an endpoint that does not exist": (
        "  - {fallback: {route: {backend: vlm-a}}}\n",
        (
            "2:34: routing_rules[0].fallback.route.backend: endpoint 'vlm-a' is not defined under "
            "vllm_endpoints; did you mean 'vllm-a'?"
        ),
    ),
    "a model that does not exist": (
        "  - {match: {path: /x}, route: {backend: vllm-a, model: law-laura}}\n",
        (
            "2:57: routing_rules[0].route.model: model or adapter 'law-laura' is not defined under "
            "model_config; did you mean 'law-lora'?"
        ),
    ),
    "an endpoint that lacks the route's model": (
        "  - {match: {path: /x}, route: {backend: vllm-b, model: law-lora}}\n",
        (
            "2:42: routing_rules[0].route.backend: endpoint 'vllm-b' does not serve 'law-lora', "
            "expected one of 'vllm-a'"
        ),
    ),
    "an endpoint that lacks the model that is asked for": (
        "  - {match: {model: ['gpt-*', base]}, route: {backend: vllm-b}}\n",
        (
            "2:56: routing_rules[0].route.backend: endpoint 'vllm-b' does not serve 'base', "
            "expected one of 'vllm-a'"
        ),
    ),
    "a name that nothing answers to": (
        "  - {match: {model: gpt-4o}, route: {backend: vllm-a}}\n",
        (
            "2:21: routing_rules[0].match.model: 'gpt-4o' is no model, adapter or auto name, so "
            "that its clients would get 404; write the model that answers as the route's model"
        ),
    ),
    "a name among others that nothing answers to": (
        "  - {match: {model: [base, gpt-4o]}, route: {backend: vllm-a}}\n",
        (
            "2:28: routing_rules[0].match.model[1]: 'gpt-4o' is no model, adapter or auto name, so "
            "that its clients would get 404; write the model that answers as the route's model"
        ),
    ),
    "a fallback that goes first": (
        (
            "  - {match: {path: /x}, route: {backend: vllm-a, priority: 2}}\n"
            "  - {fallback: {route: {backend: vllm-b, priority: 1}}}\n"
            "  - {match: {path: /y}, route: {backend: vllm-a, priority: 1}}\n"
            "  - {match: {path: /z}, route: {backend: vllm-a, priority: 3}}\n"
        ),
        (
            "3:5: routing_rules[1]: warning: goes before the rules on lines 33, 36, which are "
            "never used: the lowest priority number wins, and the fallback's is 1"
        ),
    ),
}

SOUND = {
    "the form of the request-routing guide": (
        "  - match: {model: gpt-4o, path: /v1/chat/completions}\n"
        "    route: {backend: vllm-a, model: base, priority: 1}\n"
        "  - match: {model: law-lora}\n"
        "    route: {backend: vllm-a, priority: 1}\n"
        "  - fallback:\n"
        "      route: {backend: vllm-b, priority: 10}\n"
    ),
    "a fallback whose route stands beside it": (
        "  - fallback:\n    route: {backend: vllm-b, priority: 10}\n"
    ),
    "a fallback of the same number": (
        "  - {match: {path: /x}, route: {backend: vllm-a}}\n"
        "  - {fallback: {route: {backend: vllm-b}}}\n"
    ),
    "names that ask the router to choose": (
        "  - {match: {model: [MoM, auto]}, route: {backend: vllm-b}}\n"
    ),
    "patterns": "  - {match: {model: 'gpt-*'}, route: {backend: vllm-b}}\n",
    "a model on every endpoint": (
        "  - {match: {model: [other, other-lora]}, route: {backend: vllm-b}}\n"
    ),
}


@pytest.mark.parametrize(("rules", "line"), WRONG.values(), ids=WRONG)
def test_a_routing_rule_that_cannot_be_followed_is_one_finding_at_its_place(workspace, rules, line):
    assert workspace.added(f"routing_rules:\n{rules}") == [line]


@pytest.mark.parametrize("rules", SOUND.values(), ids=SOUND)
def test_routing_rules_that_can_be_followed_are_sound(workspace, rules):
    assert workspace.added(f"routing_rules:\n{rules}") == []


def test_an_auto_name_of_the_files_own_is_one(workspace):
    rules = "routing_rules: [{match: {model: smart}, route: {backend: vllm-b}}]\n"
    assert workspace.added(f"{rules}auto_model_name: smart\n") == []
    assert len(workspace.added(rules)) == 1
