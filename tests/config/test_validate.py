from __future__ import annotations

import re

import pytest

WRONG_VALUES = {
    "a key that belongs elsewhere": (
        "default_model: base",
        "default_model: base\nthreshold: 0.5",
        (
            "config.yaml:21:1: threshold: unknown key here; "
            "it belongs at classifier.category_model.threshold"
        ),
    ),
    "a key of a list's entries that stands elsewhere": (
        "default_model: base",
        "default_model: base\nlora_name: law-lora",
        (
            "config.yaml:21:1: lora_name: unknown key here; "
            "it belongs at categories[].model_scores[].lora_name"
        ),
    ),
    "a number in quotes": (
        "port: 8000",
        'port: "8000"',
        (
            "config.yaml:7:11: vllm_endpoints[0].port: found '8000', "
            "expected a whole number; remove the quotes"
        ),
    ),
    "text for a number": (
        "port: 8000",
        "port: http",
        "config.yaml:7:11: vllm_endpoints[0].port: found 'http', expected a whole number",
    ),
    "a fraction for a whole number": (
        "port: 8000",
        "port: 8000.0",
        "config.yaml:7:11: vllm_endpoints[0].port: found 8000.0, expected a whole number",
    ),
    "a leading zero": (
        "port: 8000",
        "port: 08000",
        "config.yaml:7:11: vllm_endpoints[0].port: found '08000', expected a whole number",
    ),
    "true for a number": (
        "port: 8000",
        "port: true",
        "config.yaml:7:11: vllm_endpoints[0].port: found true, expected a whole number",
    ),
    "a port of 0": (
        "port: 8000",
        "port: 0",
        "config.yaml:7:11: vllm_endpoints[0].port: found 0, expected at least 1",
    ),
    "a port above the last": (
        "port: 8000",
        "port: 65536",
        "config.yaml:7:11: vllm_endpoints[0].port: found 65536, expected at most 65535",
    ),
    "a negative weight": (
        "port: 8000",
        "port: 8000\n    weight: -1",
        "config.yaml:8:13: vllm_endpoints[0].weight: found -1, expected at least 0",
    ),
    "a threshold above 1": (
        "model_id: models/domain",
        "model_id: models/domain\n    threshold: 1.01",
        "config.yaml:4:16: classifier.category_model.threshold: found 1.01, expected at most 1.0",
    ),
    "yes for true": (
        "model_id: models/domain",
        "model_id: models/domain\n    use_cpu: yes",
        (
            "config.yaml:4:14: classifier.category_model.use_cpu: "
            "found 'yes', expected true or false; write true"
        ),
    ),
    "off for false": (
        "model_id: models/domain",
        "model_id: models/domain\n    use_cpu: Off",
        (
            "config.yaml:4:14: classifier.category_model.use_cpu: "
            "found 'Off', expected true or false; write false"
        ),
    ),
    "a number for a boolean": (
        "model_id: models/domain",
        "model_id: models/domain\n    use_cpu: 1",
        "config.yaml:4:14: classifier.category_model.use_cpu: found 1, expected true or false",
    ),
    "a number for a name": (
        "- name: vllm-b",
        "- name: 7",
        "config.yaml:8:11: vllm_endpoints[1].name: found 7, expected text; put it in quotes",
    ),
    "a boolean for text": (
        "- name: law-lora",
        "- name: law-lora\n        description: true",
        (
            "config.yaml:16:22: model_config.base.loras[0].description: "
            "found true, expected text; put it in quotes"
        ),
    ),
    "a list for a mapping": (
        "  other:\n    loras:\n      - name: other-lora",
        "  other: [1]",
        "config.yaml:17:10: model_config.other: found a list, expected a mapping",
    ),
    "text for a list": (
        "preferred_endpoints: [vllm-a]",
        "preferred_endpoints: vllm-a",
        (
            "config.yaml:13:26: model_config.base.preferred_endpoints: "
            "found 'vllm-a', expected a list"
        ),
    ),
    "nothing after the colon": (
        "preferred_endpoints: [vllm-a]",
        "preferred_endpoints:",
        (
            "config.yaml:13:25: model_config.base.preferred_endpoints: "
            "found an empty value, expected a list; write one or remove the key"
        ),
    ),
    "a score of 0": (
        "lora_name: code-lora\n        score: 1.0",
        "lora_name: code-lora\n        score: 0",
        "config.yaml:31:16: categories[1].model_scores[0].score: found 0, expected more than 0.0",
    ),
    "an endless score": (
        "lora_name: code-lora\n        score: 1.0",
        "lora_name: code-lora\n        score: 1e999",
        (
            "config.yaml:31:16: categories[1].model_scores[0].score: "
            "found inf, expected a finite number"
        ),
    ),
    "a word that is no choice": (
        "default_model: base",
        "default_model: base\non_error: rejct",
        (
            "config.yaml:21:11: on_error: found 'rejct', "
            "expected one of default_model, reject; did you mean 'reject'?"
        ),
    ),
    "an empty path": (
        "model_id: models/domain",
        'model_id: ""',
        (
            "config.yaml:3:15: classifier.category_model.model_id: "
            "found '', expected text that is not empty"
        ),
    ),
    "a control character in a model's name": (
        "  other:\n",
        '  "oth\\ner":\n',
        (
            "config.yaml:17:3: model_config.\"oth\\ner\": found 'oth\\ner', expected printable "
            "characters: names become header values, which cannot hold U+000A"
        ),
    ),
}

# What decisions and signals add, after the sound configuration.
WRONG_PARTS = {
    "a misspelt key deep in a rule": (
        (
            "decisions:\n  - name: a\n    modelRefs: [{model: base}]\n    rules:\n"
            "      operator: AND\n      conditions:\n"
            "        - {operator: NOT, condtions: [], conditions: [{type: language, name: zh}]}\n"
        ),
        (
            "7:27: decisions[0].rules.conditions[0].condtions: "
            "unknown key; did you mean 'conditions'?"
        ),
    ),
    "an operator that is none": (
        (
            "decisions:\n  - name: a\n    modelRefs: [{model: base}]\n    rules:\n"
            "      operator: and\n      conditions: [{type: language, name: zh}]\n"
        ),
        (
            "5:17: decisions[0].rules.operator: found 'and', expected one of AND, OR, NOT; "
            "did you mean 'AND'?"
        ),
    ),
    "another spelling of an alias": (
        (
            "decisions:\n  - name: a\n    model_refs: [{model: base}]\n    modelRefs: "
            "[{model: base}]\n"
        ),
        "3:5: decisions[0].model_refs: unknown key; did you mean 'modelRefs'?",
    ),
    "a condition's key that stands above it": (
        "decisions:\n  - name: a\n    modelRefs: [{model: base}]\n    conditions: []\n",
        (
            "4:5: decisions[0].conditions: unknown key here; "
            "it belongs at decisions[].rules.conditions"
        ),
    ),
    "a signal that another version has": (
        (
            "decisions:\n  - name: a\n    modelRefs: [{model: base}]\n"
            "    rules: {type: jailbreak, name: x}\n"
        ),
        (
            "4:19: decisions[0].rules.type: found 'jailbreak', expected one of keyword, "
            "embedding, domain, mcp, language, context, request; this version has no such "
            "signal, so that a rule over it could never be right"
        ),
    ),
    "a list of conditions for a condition": (
        "decisions:\n  - name: a\n    modelRefs: [{model: base}]\n    rules: []\n",
        "4:12: decisions[0].rules: found a list, expected a mapping",
    ),
    "no models": (
        "decisions:\n  - name: a\n",
        ("2:5: decisions[0].modelRefs: missing; expected the models that may answer, at least one"),
    ),
    "a way of matching that another version has": (
        "keyword_rules: [{category: law, keywords: [x], method: bm25}]\n",
        (
            "1:56: keyword_rules[0].method: found 'bm25', expected one of literal, regex; "
            "keywords are not ranked here: name more of them, or describe the meaning in "
            "embedding_rules"
        ),
    ),
    "another way of matching that another version has": (
        "keyword_rules: [{category: law, keywords: [x], method: ngram}]\n",
        (
            "1:56: keyword_rules[0].method: found 'ngram', expected one of literal, regex; "
            "for misspelt words set fuzzy_match"
        ),
    ),
    "a number for a pattern": (
        "routing_rules: [{match: {path: 5}, route: {backend: vllm-a}}]\n",
        "1:32: routing_rules[0].match.path: found 5, expected text or a list of texts",
    ),
    "a number for a header's pattern": (
        "routing_rules: [{match: {headers: {x-a: 5}}, route: {backend: vllm-a}}]\n",
        "1:41: routing_rules[0].match.headers.x-a: found 5, expected text or a list of texts",
    ),
    "a header that carries credentials": (
        "routing_rules: [{match: {headers: {Authorization: x}}, route: {backend: vllm-a}}]\n",
        (
            "1:36: routing_rules[0].match.headers.Authorization: found 'Authorization', expected "
            "a header that carries no credentials: those never reach the router"
        ),
    ),
    "a method that is none": (
        "classification_order: [keywords]\n",
        (
            "1:24: classification_order[0]: found 'keywords', expected one of keyword, embedding, "
            "mcp, description, domain; did you mean 'keyword'?"
        ),
    ),
    "no method": (
        "classification_order: []\n",
        "1:23: classification_order: found a list, expected at least one entry",
    ),
}


@pytest.mark.parametrize(("text", "line"), WRONG_PARTS.values(), ids=WRONG_PARTS)
def test_what_is_wrong_in_decisions_and_signals_is_named_as_well(workspace, text, line):
    assert workspace.added(text) == [line]


def test_a_key_like_no_other_is_told_which_there_are(workspace):
    [line] = workspace.edited("default_model: base", "default_model: base\nzebra: 1")
    beginning = "config.yaml:21:1: zebra: unknown key; expected one of 'classifier', "
    assert line.startswith(f"{beginning}'vllm_endpoints', 'model_config', 'default_model', ")
    assert re.search(r", '\w+' and \d+ more\Z", line)


def test_a_category_for_decisions_alone_is_told_where_it_belongs(workspace):
    new = "- name: engineering\n  - name: technical"
    assert workspace.edited(
        "- name: technical\n    model_scores:", f"{new}\n    model_scores:"
    ) == [
        (
            "config.yaml:27:5: categories[1].model_scores: missing; expected the models that may "
            "answer, at least one; a category that only decisions ask for goes under "
            "signals.domains"
        )
    ]


@pytest.mark.parametrize(("old", "new", "line"), WRONG_VALUES.values(), ids=WRONG_VALUES)
def test_a_wrong_value_is_named_with_its_place_and_what_was_expected(workspace, old, new, line):
    assert workspace.edited(old, new) == [line]


def test_a_misspelt_key_is_named_with_the_nearest_and_the_key_that_is_missing_too(workspace):
    assert workspace.edited("    port: 8000", "    prot: 8000") == [
        "config.yaml:5:5: vllm_endpoints[0].port: missing; expected the server's port",
        "config.yaml:7:5: vllm_endpoints[0].prot: unknown key; did you mean 'port'?",
    ]


def test_every_error_of_a_file_is_reported_at_once_in_file_order(workspace):
    lines = workspace.check(
        """\
vllm_endpoints:
  - {name: a, address: "http://x", port: "1"}
model_config:
  base: {lora: []}
default_model: bsae
categories:
  - name: law
    model_scores: []
servr: {}
"""
    )
    assert [line.split(": ")[1] for line in lines] == [
        "vllm_endpoints[0].address",
        "vllm_endpoints[0].port",
        "model_config.base.lora",
        "default_model",
        "categories[0].model_scores",
        "servr",
    ]


def test_a_file_without_the_required_keys_says_what_each_is_for(workspace):
    assert workspace.check("{}") == [
        (
            "config.yaml:1:1: default_model: missing; expected the base model or adapter that "
            "answers when nothing else is chosen"
        ),
        "config.yaml:1:1: model_config: missing; expected the base models by name, at least one",
        "config.yaml:1:1: vllm_endpoints: missing; expected the vLLM servers, at least one",
    ]


@pytest.mark.parametrize("key", ["vllm_endpoints", "model_config"])
def test_no_endpoint_or_no_model_is_an_error_at_the_empty_list(workspace, sound, key):
    others = "vllm_endpoints: [{name: a, address: h, port: 1}]\nmodel_config: {base: {}}\n"
    empty = {"vllm_endpoints": "[]", "model_config": "{}"}[key]
    text = "\n".join(line for line in others.splitlines() if not line.startswith(key))
    lines = workspace.check(f"{key}: {empty}\n{text}\ndefault_model: base\n")
    assert lines[0].startswith(f"config.yaml:1:{len(key) + 3}: {key}: found a ")
    assert lines[0].endswith("expected at least one entry")


def test_a_faulty_entry_is_not_also_called_a_missing_one(workspace):
    lines = workspace.check(
        "vllm_endpoints: [{name: a, address: h, port: 0}]\nmodel_config: {b: {}}\ndefault_model: b"
    )
    assert lines == ["config.yaml:1:46: vllm_endpoints[0].port: found 0, expected at least 1"]


def test_a_variable_becomes_a_number_where_a_number_is_wanted(workspace):
    environ = {"PORT": "8000", "CPU": "true"}
    assert workspace.edited("port: 8000", "port: ${PORT}", environ) == []
    assert workspace.edited("port: 8000", 'port: "${PORT}"', environ) == []
    assert workspace.edited("models/domain", "models/domain\n    use_cpu: ${CPU}", environ) == []


def test_a_variable_stays_text_where_text_is_wanted(workspace):
    assert workspace.edited("address: vllm.internal", "address: ${HOST}", {"HOST": "10"}) == [
        (
            "config.yaml:9:14: vllm_endpoints[1].address: found '10', "
            "expected an IPv4 address such as 10.0.0.7"
        )
    ]


def test_a_variable_that_holds_no_number_is_an_error_at_its_place(workspace):
    assert workspace.edited("port: 8000", "port: ${PORT}", {"PORT": "high"}) == [
        "config.yaml:7:11: vllm_endpoints[0].port: found 'high', expected a whole number"
    ]
