from __future__ import annotations

import pytest

WRONG = {
    "a rule without a name": (
        "keyword_rules:\n  - {keywords: [x]}\n",
        "2:5: keyword_rules[0]: found neither name nor category, expected one of them",
    ),
    "a rule with two names": (
        "keyword_rules:\n  - {name: law, category: law, keywords: [x]}\n",
        "2:5: keyword_rules[0]: found both name and category, expected one of them",
    ),
    "a rule for a category that does not exist": (
        "keyword_rules:\n  - {category: lwa, keywords: [x]}\n",
        (
            "2:16: keyword_rules[0].category: category 'lwa' is not defined under categories; "
            "did you mean 'law'?"
        ),
    ),
    "an embedding rule for a category that does not exist": (
        "signals:\n  embeddings:\n    - {category: Law, candidates: [x]}\n",
        (
            "3:18: signals.embeddings[0].category: category 'Law' is not defined under categories; "
            "did you mean 'law'?"
        ),
    ),
    "an embedding rule without phrases": (
        "embedding_rules:\n  - {category: law, candidates: []}\n",
        "2:5: embedding_rules[0]: found no phrase to compare with, expected candidates",
    ),
    "two keyword rules of one name, wherever they are": (
        (
            "keyword_rules:\n  - {name: law, keywords: [x]}\n"
            "signals:\n  keywords:\n    - {name: law, keywords: [y]}\n"
        ),
        (
            "5:14: signals.keywords[0].name: keyword signal 'law' is already named on line 33; "
            "names must differ"
        ),
    ),
    "two languages of one name": (
        "signals:\n  language:\n    - {name: zh}\n    - {name: zh}\n",
        (
            "4:14: signals.language[1].name: language signal 'zh' is already named on line 34; "
            "names must differ"
        ),
    ),
    "a keyword that nobody sees": (
        'keyword_rules:\n  - {category: law, keywords: ["\\u200b"]}\n',
        (
            "2:32: keyword_rules[0].keywords[0]: found '\\u200b', expected a keyword with a "
            "visible character"
        ),
    ),
    "a blank keyword": (
        'keyword_rules:\n  - {category: law, keywords: [" "]}\n',
        ("2:32: keyword_rules[0].keywords[0]: found ' ', expected a keyword that is not blank"),
    ),
}


@pytest.mark.parametrize(("text", "line"), WRONG.values(), ids=WRONG)
def test_a_rule_that_cannot_be_used_is_one_error_at_its_place(workspace, text, line):
    assert workspace.added(text) == [line]


def test_a_pattern_that_takes_its_time_is_an_error_at_its_place(workspace):
    text = "keyword_rules:\n  - {category: law, method: regex, keywords: [court, '(a)\\1']}\n"
    [line] = workspace.added(text)
    assert line.startswith(
        "2:54: keyword_rules[0].keywords[1]: found '(a)\\\\1', expected a pattern"
    )


def test_several_rules_may_stand_for_one_category(workspace):
    text = """\
keyword_rules:
  - {category: law, keywords: [court]}
  - {category: law, keywords: [judge, 法院]}
  - {name: technical, keywords: [code]}
"""
    assert workspace.added(text) == []


def test_one_name_may_be_that_of_signals_of_several_kinds(workspace):
    text = """\
keyword_rules: [{name: law, keywords: [court]}]
embedding_rules: [{name: law, keywords: [a case before a court]}]
"""
    assert workspace.added(text) == []


def test_a_rule_whose_category_only_a_condition_asks_for_is_that_conditions(workspace):
    text = """\
keyword_rules: [{category: urgent, keywords: [now]}]
decisions:
  - {name: a, rules: {type: keyword, name: urgent}, modelRefs: [{model: other}]}
"""
    assert workspace.added(text) == []


def test_embedding_rules_without_an_encoder_are_one_error(workspace, sound):
    bare = sound[sound.index("vllm_endpoints") : sound.index("  - name: technical")]
    rules = "embedding_rules: [{name: law, candidates: [a]}, {category: law, candidates: [b]}]\n"
    assert workspace.check(rules + bare) == [
        (
            "config.yaml:1:19: embedding_rules[0]: embedding rules need an encoder: configure "
            "embedding_model or classifier.category_model"
        )
    ]


def test_an_embedding_model_of_its_own_is_an_encoder(workspace, sound):
    bare = sound[sound.index("vllm_endpoints") : sound.index("  - name: technical")]
    rules = "embedding_rules: [{name: law, candidates: [a]}]\n"
    model = "embedding_model: {model_id: models/domain}\n"
    assert workspace.check(model + rules + bare) == []


def test_rules_are_checked_although_others_are_no_rules_at_all(workspace):
    text = "keyword_rules: [5, {keywords: 7}, {category: [x], keywords: [null]}]\n"
    assert [line.split(": ")[1] for line in workspace.added(text)] == [
        "keyword_rules[0]",
        "keyword_rules[1]",
        "keyword_rules[1].keywords",
        "keyword_rules[2].category",
        "keyword_rules[2].keywords[0]",
    ]
