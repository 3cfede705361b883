from __future__ import annotations

import pytest

EXPECTED = "expected type and name, or operator and conditions"
ZH = "{type: language, name: zh}"
SIGNALS = """\
keyword_rules: [{category: law, keywords: [court]}]
embedding_rules: [{category: law, candidates: [a court]}]
signals:
  language: [{name: cjk, codes: [zh, ja]}]
  context: [{name: long, min_tokens: 8K}]
  requests: [{name: premium, headers: {x-plan: gold}}]
"""


def decision(rules: str) -> str:
    return f"decisions:\n  - name: a\n    modelRefs: [{{model: base}}]\n    rules: {rules}\n"


NOT_WHOLE = {
    "{}": f"4:12: decisions[0].rules: found an empty condition, {EXPECTED}",
    "{type: language}": "4:12: decisions[0].rules: found type alone, expected name beside it",
    "{name: zh}": "4:12: decisions[0].rules: found name alone, expected type beside it",
    "{operator: AND}": (
        "4:12: decisions[0].rules: found operator alone, expected conditions beside it"
    ),
    f"{{conditions: [{ZH}]}}": (
        "4:12: decisions[0].rules: found conditions alone, "
        "expected operator: AND, OR or NOT beside it"
    ),
    "{type: language, name: zh, operator: NOT}": (
        f"4:12: decisions[0].rules: found a signal and a group in one condition, {EXPECTED}"
    ),
    f"{{operator: NOT, conditions: [{ZH}, {ZH}]}}": (
        "4:12: decisions[0].rules: found NOT over 2 conditions, expected one; join several in it"
    ),
    "{operator: NOT, conditions: []}": (
        "4:12: decisions[0].rules: found NOT over 0 conditions, expected one; join several in it"
    ),
    "{operator: OR, conditions: []}": (
        "4:12: decisions[0].rules: found OR over no conditions, which never holds; expected some"
    ),
    f"{{operator: OR, conditions: [{ZH}, {{operator: AND, conditions: []}}]}}": (
        "4:68: decisions[0].rules.conditions[1]: found AND over no conditions, which always "
        "holds; expected some"
    ),
}

UNKNOWN = {
    "{type: keyword, name: lwa}": (
        "keyword signal 'lwa' is not defined under keyword_rules or signals.keywords; "
        "did you mean 'law'?"
    ),
    "{type: embedding, name: technical}": (
        "embedding signal 'technical' is not defined under embedding_rules or "
        "signals.embeddings; known are 'law'"
    ),
    "{type: context, name: lng}": (
        "context signal 'lng' is not defined under signals.context; did you mean 'long'?"
    ),
    "{type: request, name: prem}": (
        "request signal 'prem' is not defined under signals.requests; did you mean 'premium'?"
    ),
    "{type: language, name: cjkk}": (
        "language signal 'cjkk' is not defined under signals.language; did you mean 'cjk'?"
    ),
    "{type: domain, name: Enginering}": (
        "domain 'Enginering' is not defined under categories, signals.domains or the "
        "classifier's labels; did you mean 'engineering'?"
    ),
    "{type: mcp, name: law}": (
        "no mcp server is asked, expected classifier.mcp_category_model with enabled: true"
    ),
}


def found(workspace, rules: str) -> list[str]:
    """The errors about `rules`: what the signals are used for is another matter."""
    lines = workspace.added(decision(rules) + SIGNALS)
    return [line for line in lines if ": warning: " not in line]


@pytest.mark.parametrize(("rules", "line"), NOT_WHOLE.items())
def test_a_condition_that_is_not_whole_is_one_error_at_its_place(workspace, rules, line):
    assert found(workspace, rules) == [line]


@pytest.mark.parametrize(("rules", "text"), UNKNOWN.items())
def test_a_signal_that_does_not_exist_is_an_error_with_the_nearest(workspace, rules, text):
    column = 13 + rules.index("name: ") + len("name: ") - 1
    assert found(workspace, rules) == [f"4:{column}: decisions[0].rules.name: {text}"]


@pytest.mark.parametrize(
    "rules",
    [
        "{operator: AND, conditions: []}",
        "{type: keyword, name: law}",
        "{type: embedding, name: law}",
        "{type: language, name: cjk}",
        "{type: language, name: fr}",
        "{type: context, name: long}",
        "{type: request, name: premium}",
        "{type: domain, name: law}",
        "{type: domain, name: legal}",
        "{type: domain, name: Computer_Science}",
        f"{{operator: NOT, conditions: [{{operator: OR, conditions: [{ZH}, {ZH}]}}]}}",
    ],
)
def test_conditions_over_signals_that_exist_are_sound(workspace, rules):
    assert found(workspace, rules) == []


def test_every_fault_of_a_tree_is_reported_at_once_however_deep(workspace):
    rules = "{operator: OR, conditions: [{}, {operator: NOT, conditions: [{type: context}, 5]}]}"
    assert [line.split(": ")[1] for line in found(workspace, rules)] == [
        "decisions[0].rules.conditions[0]",
        "decisions[0].rules.conditions[1]",
        "decisions[0].rules.conditions[1].conditions[0]",
        "decisions[0].rules.conditions[1].conditions[1]",
    ]


def nested(levels: int) -> str:
    return "{operator: NOT, conditions: [" * (levels - 1) + ZH + "]}" * (levels - 1)


def test_sixteen_levels_of_conditions_are_enough(workspace):
    assert found(workspace, nested(16)) == []
    [line] = found(workspace, nested(18))
    assert line.endswith(": found 17 levels of conditions, expected at most 16")
    assert f"rules{'.conditions[0]' * 16}: " in line


def test_conditions_on_domains_need_a_classifier(workspace, sound):
    bare = sound[sound.index("vllm_endpoints") : sound.index("categories")]
    domains = "{type: domain, name: law}, {type: domain, name: code}"
    rules = f"{{operator: OR, conditions: [{ZH}, {domains}]}}"
    assert workspace.check(decision(rules) + bare) == [
        (
            "config.yaml:4:89: decisions[0].rules.conditions[1].name: "
            "no domain is found without classifier.category_model"
        )
    ]


def test_without_the_classifiers_files_any_domain_may_exist(workspace, sound):
    text = sound + decision("{type: domain, name: whatever}")
    assert workspace.check(text, check_files=False) == []


def test_any_name_may_be_one_that_an_mcp_server_lists(workspace, sound):
    server = "  mcp_category_model: {enabled: true, url: 'http://127.0.0.1:8090/mcp'}\n"
    text = sound.replace("classifier:\n", f"classifier:\n{server}", 1)
    assert workspace.check(text + decision("{type: mcp, name: whatever}")) == []
