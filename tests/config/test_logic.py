"""What rules come to, against every truth that their signals may have."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.decisions import Condition
from router.config.logic import (
    ALWAYS,
    MAX_CLAUSES,
    Claim,
    Precedence,
    Ranked,
    Relation,
    clauses_of,
    contradiction,
    is_silent,
    is_sure,
)

NAMES = "abc"


def leaf(name: str) -> Condition:
    return Condition(type="keyword", name=name)


def group(operator: str, *parts: Condition) -> Condition:
    return Condition.model_validate({"operator": operator, "conditions": parts})


def claims(text: str) -> frozenset[Claim]:
    """`a -b`: a matched, b did not."""
    words = text.split()
    return frozenset(Claim("keyword", w.removeprefix("-"), not w.startswith("-")) for w in words)


leaves = st.sampled_from(NAMES).map(leaf)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(group, st.sampled_from(["AND", "OR"]), inner, inner),
        st.builds(group, st.just("AND"), inner, inner, inner),
        st.builds(group, st.just("NOT"), inner),
    ),
    max_leaves=8,
)
Truth = bool | None


def denied(truth: Truth) -> Truth:
    return None if truth is None else not truth


def all_of(truths: list[Truth]) -> Truth:
    return False if False in truths else None if None in truths else True


def truth_of(condition: Condition, signals: dict[str, Truth]) -> Truth:
    if condition.conditions is None:
        return signals[condition.name or ""]
    truths = [truth_of(part, signals) for part in condition.conditions]
    if condition.operator == "NOT":
        return denied(truths[0])
    if condition.operator == "AND":
        return all_of(truths)
    return denied(all_of([denied(truth) for truth in truths]))


def truth_of_clauses(clauses: list[frozenset[Claim]], signals: dict[str, Truth]) -> Truth:
    truths = [
        all_of([signals[c.name] if c.holds else denied(signals[c.name]) for c in clause])
        for clause in clauses
    ]
    return denied(all_of([denied(truth) for truth in truths]))


@given(trees)
def test_clauses_say_what_the_rule_says_whatever_matches_and_whatever_fails(tree):
    clauses = clauses_of(tree)
    assert clauses is not None
    for truths in product([True, False, None], repeat=len(NAMES)):
        signals = dict(zip(NAMES, truths, strict=True))
        assert truth_of_clauses(clauses, signals) == truth_of(tree, signals)


def test_a_rule_without_conditions_holds_always():
    assert clauses_of(group("AND")) == [ALWAYS]
    assert clauses_of(group("OR")) == []


def test_a_rule_of_very_many_clauses_is_left_alone():
    pairs = [group("OR", leaf(f"a{i}"), leaf(f"b{i}")) for i in range(9)]
    assert len(clauses_of(group("AND", *pairs[:8])) or ()) == MAX_CLAUSES
    assert clauses_of(group("AND", *pairs)) is None
    assert clauses_of(group("OR", *(group("AND", *pairs[:8]), leaf("c")))) is None
    assert clauses_of(group("NOT", group("AND", *pairs))) is not None


def test_a_signal_cannot_match_and_not_match():
    assert contradiction(claims("a -b c"), {}) is None
    assert contradiction(claims("a b -b"), {}) == (
        "keyword 'b' would have to match and not to match"
    )


SIZES = Relation(
    implies=lambda one, other: one <= other,
    excludes=lambda one, other: "too far apart" if (one, other) == ("a", "c") else None,
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a b", None),
        ("a c", "too far apart"),
        ("-a -c", None),
        ("a -b", "where keyword 'a' matches 'b' does too"),
        ("-a b", None),
    ],
)
def test_what_signals_say_of_each_other_makes_claims_impossible(text, why):
    assert contradiction(claims(text), {"keyword": SIZES}) == why


def ranked(*decisions: tuple[str, int], surely: bool = True) -> list[Ranked]:
    """Decisions of one clause or several, separated by `|`, with their priorities."""
    return [
        Ranked(str(index), [claims(part) for part in text.split("|")], priority, surely=surely)
        for index, (text, priority) in enumerate(decisions)
    ]


def in_front_of_last(decisions: list[Ranked], relations=None, *, by_confidence=False) -> list[int]:
    precedence = Precedence(decisions, relations or {}, by_confidence=by_confidence)
    return precedence.in_front_of(len(decisions) - 1)


def test_a_wider_rule_of_higher_priority_leaves_a_narrower_one_nothing():
    assert in_front_of_last(ranked(("a", 2), ("a b", 1))) == [0]
    assert in_front_of_last(ranked(("a b", 2), ("a", 1))) == []
    assert in_front_of_last(ranked(("-b", 2), ("a -b", 1), ("c", 1))) == []


def test_a_higher_priority_decides_nothing_where_confidence_does():
    decisions = ranked(("-a", 2), ("b -a", 1), surely=False)
    assert in_front_of_last(decisions, by_confidence=True) == []
    assert in_front_of_last(decisions) == [0]
    assert in_front_of_last(ranked(("a", 2), ("a b", 1)), by_confidence=True) == [0]
    assert in_front_of_last(ranked(("a", 1), ("a b", 2)), by_confidence=True) == []


def test_between_equal_priorities_the_earlier_must_be_as_sure():
    assert in_front_of_last(ranked(("a", 1), ("a b", 1))) == [0]
    assert in_front_of_last(ranked(("a", 1), ("a -b", 1), surely=False)) == []
    assert in_front_of_last(ranked(("", 1), ("a", 1))) == []
    assert in_front_of_last(ranked(("a", 1), ("", 1))) == []


def test_a_later_rule_of_the_same_priority_takes_nothing_from_an_earlier_one():
    decisions = ranked(("a b", 1), ("a", 1))
    assert Precedence(decisions, {}).in_front_of(0) == []


def test_several_rules_may_share_what_they_take():
    decisions = ranked(("a", 3), ("b", 2), ("a|b c", 1))
    assert in_front_of_last(decisions) == [0, 1]
    assert in_front_of_last([decisions[0], decisions[2]]) == []


def test_what_signals_imply_counts_where_priority_decides():
    decisions = ranked(("b", 2), ("a", 1))
    assert in_front_of_last(decisions, {"keyword": SIZES}) == [0]
    assert in_front_of_last(decisions) == []
    assert in_front_of_last(ranked(("-c", 2), ("a", 1)), {"keyword": SIZES}) == [0]
    assert in_front_of_last(ranked(("-a", 2), ("-b", 1)), {"keyword": SIZES}) == [0]


def test_a_rule_that_cannot_be_told_is_in_front_of_nothing_and_behind_nothing():
    decisions = [Ranked("0", None, 2), *ranked(("a", 1))]
    assert in_front_of_last(decisions) == []
    assert in_front_of_last([*ranked(("a", 2)), Ranked("1", None, 1)]) == []


def test_a_not_anywhere_makes_confidence_uncertain_and_nots_alone_leave_none():
    a, not_a = leaf("a"), group("NOT", leaf("a"))
    assert [is_sure(tree) for tree in (a, not_a, group("AND", a, not_a))] == [True, False, False]
    assert [is_silent(tree) for tree in (a, not_a, group("AND", a, not_a))] == [False, True, False]
    assert is_silent(group("AND"))
    assert is_silent(group("OR", not_a, group("NOT", not_a)))
