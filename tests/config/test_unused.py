"""What can never have an effect: told by `check`, and true of the engine that decides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.compilation import compile_stages
from router.config import check, load
from router.matches import Match, Matches

SIGNALS = """\
keyword_rules:
  - {name: urgent, keywords: [urgent]}
  - {name: calm, operator: NOR, keywords: [urgent]}
  - {name: money, keywords: [refund]}
signals:
  context:
    - {name: short, max_tokens: 100}
    - {name: long, min_tokens: 200}
"""
URGENT, CALM, MONEY = (f"{{type: keyword, name: {name}}}" for name in ("urgent", "calm", "money"))
SHORT, LONG = (f"{{type: context, name: {name}}}" for name in ("short", "long"))
ZH, JA = (f"{{type: language, name: {code}}}" for code in ("zh", "ja"))
LAW, TECHNICAL = (f"{{type: domain, name: {name}}}" for name in ("law", "technical"))
NOTHING = "{operator: AND, conditions: []}"


def every(*rules: str) -> str:
    return f"{{operator: AND, conditions: [{', '.join(rules)}]}}"


def some(*rules: str) -> str:
    return f"{{operator: OR, conditions: [{', '.join(rules)}]}}"


def no(rule: str) -> str:
    return f"{{operator: NOT, conditions: [{rule}]}}"


def decisions(*rules: str | tuple[str, int]) -> str:
    """Decisions a, b, c and so on, each with its rules and, where there is one, its priority."""
    lines = ["decisions:"]
    for name, entry in zip("abcdefgh", rules, strict=False):
        rule, priority = entry if isinstance(entry, tuple) else (entry, 0)
        refs = "[{model: base}]"
        lines.append(
            f"  - {{name: {name}, priority: {priority}, rules: {rule}, modelRefs: {refs}}}"
        )
    return "\n".join(lines) + "\n"


def found(workspace, *rules: str | tuple[str, int], more: str = "") -> list[str]:
    """What is said of decisions, in short."""
    lines = workspace.added(decisions(*rules) + SIGNALS + more)
    assert all(": warning: " in line for line in lines), lines
    return [line.split(": warning: ")[1] for line in lines if ": decisions[" in line]


NEVER = {
    every(URGENT, no(URGENT)): "keyword 'urgent' would have to match and not to match",
    every(URGENT, CALM): "keyword 'calm' matches only without the words that 'urgent' needs",
    every(SHORT, LONG): "contexts 'short' and 'long' share no length",
    every(ZH, JA): "a prompt has one language, not 'ja' and 'zh'",
    every(LAW, TECHNICAL): (
        "domains 'law' and 'technical' share no label, and both cannot reach 0.6"
    ),
    every(some(ZH, every(JA, URGENT)), no(some(ZH, JA))): (
        "language 'zh' would have to match and not to match"
    ),
}
SOMETIMES = [
    every(URGENT, no(MONEY)),
    some(every(URGENT, CALM), MONEY),
    every(LAW, "{type: domain, name: legal}"),
    no(every(ZH, JA)),
]


@pytest.mark.parametrize(("rule", "why"), NEVER.items(), ids=range(len(NEVER)))
def test_a_decision_that_can_never_hold_is_a_warning_that_says_why(workspace, rule, why):
    assert found(workspace, rule) == [f"decision 'a' can never hold: {why}"]


@pytest.mark.parametrize("rule", SOMETIMES, ids=range(len(SOMETIMES)))
def test_a_decision_that_may_hold_is_left_alone(workspace, rule):
    assert found(workspace, rule) == []


def test_the_warning_stands_at_the_decision(workspace):
    [line] = [
        line
        for line in workspace.added(decisions(MONEY, every(ZH, JA)) + SIGNALS)
        if "decisions[" in line
    ]
    assert line.startswith("3:12: decisions[1].name: warning: decision 'b' can never hold: ")


def behind(name: str, *others: str) -> str:
    listed = " or ".join(repr(other) for other in others)
    if len(others) == 1:
        goes = "holds whenever it does, and goes first"
    else:
        goes = "hold whenever it does, and one of them goes first"
    return f"decision {name!r} cannot be reached: {listed} {goes}"


UNREACHED = {
    "a wider one of higher priority": (
        [(ZH, 2), (every(ZH, URGENT), 1)],
        [behind("b", "a")],
    ),
    "a wider one before it": ([ZH, every(ZH, URGENT)], [behind("b", "a")]),
    "the same one twice": ([some(ZH, URGENT), some(URGENT, ZH)], [behind("b", "a")]),
    "a wider one by what its signals mean": (
        [("{type: domain, name: legal}", 2), (every(LAW, URGENT), 1)],
        [behind("b", "a")],
    ),
    "two that share what it holds for": (
        [(ZH, 3), (URGENT, 2), (some(ZH, every(URGENT, MONEY)), 1)],
        [behind("c", "a", "b")],
    ),
    "a catch-all of higher priority": ([(NOTHING, 2), (ZH, 1)], [behind("b", "a")]),
    "two catch-alls": (
        [(NOTHING, 1), (NOTHING, 2)],
        ["two catch-alls: 'b' and 'a' hold always, and only 'b' is ever used"],
    ),
}
REACHED = {
    "a narrower one of higher priority": [(every(ZH, URGENT), 2), (ZH, 1)],
    "a wider one after it": [every(ZH, URGENT), ZH],
    "a catch-all of the same priority": [NOTHING, ZH],
    "one that a silent rule may be less sure than": [no(URGENT), every(no(URGENT), MONEY)],
    "one that never holds before it": [(every(ZH, JA), 2), (ZH, 1)],
    "one of another signal": [(LAW, 2), (ZH, 1)],
}


@pytest.mark.parametrize(("rules", "texts"), UNREACHED.values(), ids=UNREACHED)
def test_a_decision_that_never_wins_is_a_warning_that_names_who_does(workspace, rules, texts):
    assert found(workspace, *rules) == texts


@pytest.mark.parametrize("rules", REACHED.values(), ids=REACHED)
def test_a_decision_that_may_win_is_left_alone(workspace, rules):
    assert [text for text in found(workspace, *rules) if "reached" in text] == []


def test_by_confidence_a_higher_priority_takes_nothing(workspace):
    rules = [(no(URGENT), 2), (every(no(URGENT), MONEY), 1)]
    by_confidence = "strategy: confidence\n"
    assert found(workspace, *rules) == [behind("b", "a")]
    assert found(workspace, *rules, more=by_confidence) == []
    assert found(workspace, ZH, every(ZH, URGENT), more=by_confidence) == [behind("b", "a")]


def warnings(workspace, text: str) -> list[str]:
    return workspace.added(text)


def test_a_decision_that_holds_always_leaves_categories_nothing(workspace):
    assert warnings(workspace, decisions(NOTHING)) == [
        (
            "-10:1: categories: warning: categories cannot be reached: decision 'a' holds always, "
            "and decisions go first"
        )
    ]


UNUSED = {
    "a keyword rule": (
        "keyword_rules: [{name: urgent, keywords: [now]}]\n",
        (
            "1:17: keyword_rules[0]: warning: keyword signal 'urgent' has no effect: "
            "no category or condition uses it"
        ),
    ),
    "an embedding rule": (
        "signals: {embeddings: [{name: urgent, candidates: [at once]}]}\n",
        (
            "1:24: signals.embeddings[0]: warning: embedding signal 'urgent' has no effect: "
            "no category or condition uses it"
        ),
    ),
    "a rule for a category whose method is not used": (
        "keyword_rules: [{category: law, keywords: [court]}]\nclassification_order: [domain]\n",
        (
            "1:17: keyword_rules[0]: warning: keyword signal 'law' has no effect: "
            "no condition uses it"
        ),
    ),
    "a language": (
        "signals: {language: [{name: cjk, codes: [zh]}]}\n",
        (
            "1:29: signals.language[0].name: warning: language signal 'cjk' has no effect: "
            "no condition uses it"
        ),
    ),
    "a length": (
        "signals: {context: [{name: long, min_tokens: 8K}]}\n",
        (
            "1:28: signals.context[0].name: warning: context signal 'long' has no effect: "
            "no condition uses it"
        ),
    ),
    "a fact": (
        "signals: {requests: [{name: premium, images: true}]}\n",
        (
            "1:29: signals.requests[0].name: warning: request signal 'premium' has no effect: "
            "no condition uses it"
        ),
    ),
    "a domain": (
        "signals: {domains: [{name: legal}]}\n",
        (
            "1:28: signals.domains[0].name: warning: domain signal 'legal' has no effect: "
            "no condition uses it"
        ),
    ),
}


@pytest.mark.parametrize(("text", "line"), UNUSED.values(), ids=UNUSED)
def test_a_signal_that_nothing_uses_is_a_warning(workspace, text, line):
    assert warnings(workspace, text) == [line]


def test_the_labels_of_a_domain_that_is_a_category_have_no_effect(workspace):
    text = "signals: {domains: [{name: law, mmlu_categories: [other]}]}\n" + decisions(LAW)
    assert warnings(workspace, text) == [
        (
            "1:50: signals.domains[0].mmlu_categories: warning: has no effect: "
            "category 'law' has the same name and its labels count"
        )
    ]


def test_methods_that_find_nothing_are_named_where_the_file_asks_for_them(workspace, sound):
    order = "classification_order: [embedding, keyword, mcp, domain]\n"
    assert warnings(workspace, order) == [
        (
            "1:24: classification_order[0]: warning: embedding finds nothing: "
            "no embedding rule names a category"
        ),
        (
            "1:35: classification_order[1]: warning: keyword finds nothing: "
            "no keyword rule names a category"
        ),
        (
            "1:44: classification_order[2]: warning: mcp finds nothing: "
            "classifier.mcp_category_model is not configured and enabled"
        ),
    ]
    bare = sound[sound.index("vllm_endpoints") : sound.index("categories")]
    lines = workspace.check("classification_order: [description, domain]\n" + bare)
    assert [line.split(": warning: ")[1] for line in lines] == [
        (
            "description finds nothing: there is neither an embedding_model nor a "
            "classifier.category_model"
        ),
        "domain finds nothing: there is no classifier.category_model",
    ]


# Any decisions over these signals, in any world that these signals can describe.
LEAVES = {
    "keyword": ("urgent", "calm", "money"),
    "context": ("short", "long"),
    "language": ("zh", "ja", "cjk"),
    "domain": ("law", "legal", "technical", "engineering"),
}
DECLARED = yaml.safe_load(SIGNALS + "  language: [{name: cjk, codes: [zh, ja]}]\n")
GROUPS = {"law": (2,), "legal": (2,), "technical": (0, 1), "engineering": (1,)}
leaves = st.sampled_from(
    [{"type": kind, "name": name} for kind, names in LEAVES.items() for name in names]
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(
            lambda operator, parts: {"operator": operator, "conditions": parts},
            st.sampled_from(["AND", "OR"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(lambda part: {"operator": "NOT", "conditions": [part]}, inner),
    ),
    max_leaves=5,
)
written = st.lists(
    st.tuples(conditions | st.just({"operator": "AND", "conditions": []}), st.integers(0, 2)),
    min_size=2,
    max_size=5,
)
confidence = st.floats(0.1, 1.0)


@st.composite
def worlds(draw) -> Matches:
    """What signals may say of one request; each of their kinds may fail."""
    matches: list[Match] = []
    words = draw(st.sets(st.sampled_from(["urgent", "refund"])))
    keywords = {
        "urgent": "urgent" in words,
        "calm": "urgent" not in words,
        "money": "refund" in words,
    }
    tokens = draw(st.integers(0, 300))
    language = draw(st.sampled_from(["zh", "ja", "fr"]))
    shares = draw(st.lists(st.integers(0, 20), min_size=4, max_size=4))
    total = sum(shares) or 1
    holding = [
        *(("keyword", name) for name, holds in keywords.items() if holds),
        *([("context", "short")] if tokens <= 100 else []),
        *([("context", "long")] if tokens >= 200 else []),
        ("language", language),
        *([("language", "cjk")] if language in ("zh", "ja") else []),
    ]
    matches += [Match(kind, name, draw(confidence)) for kind, name in holding]
    for name, group in GROUPS.items():
        probability = sum(shares[index] for index in group) / total
        matches.append(Match("domain", name, probability, probability >= 0.6))
    failed = draw(st.sets(st.sampled_from(sorted(LEAVES))))
    return Matches(
        [match for match in matches if match.kind not in failed], dict.fromkeys(failed, "failed")
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    written,
    st.sampled_from(["priority", "confidence"]),
    st.lists(worlds(), min_size=8, max_size=12),
)
def test_what_is_said_never_to_hold_or_to_win_never_does(workspace, sound, rules, strategy, many):
    document = yaml.safe_load(sound) | DECLARED
    document["strategy"] = strategy
    document["decisions"] = [
        {"name": str(index), "priority": priority, "rules": rule, "modelRefs": [{"model": "base"}]}
        for index, (rule, priority) in enumerate(rules)
    ]
    path = Path("config.yaml")
    path.write_text(yaml.safe_dump(document))
    lines = check(path, environ={}).lines
    text = "\n".join(lines)
    never = set(re.findall(r"decision '(\d)' can never hold", text))
    behind = set(re.findall(r"decision '(\d)' cannot be reached", text))
    behind |= set(re.findall(r"two catch-alls: '\d' and '(\d)'", text))
    stage = compile_stages(load(path, environ={}).config)[0]
    for matches in many:
        winner = stage.decide(matches).decision
        assert winner is None or winner.name not in never | behind
        holding = {d.name for d in stage.decisions if d.rule.evaluate(matches).holds}
        assert not holding & never
