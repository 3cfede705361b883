"""Rules in three values, and which decision wins."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.catalog import ModelRef
from router.decisions import All, Any, Decision, Is, Not, Rule, Stage, Truth, Verdict, leaves
from router.matches import Match, Matches

LAW = Is("domain", "law")
HEALTH = Is("domain", "health")
GUARD = Is("jailbreak", "detected")


def decision(name: str, rule: Rule, priority: int = 0) -> Decision:
    return Decision(name, rule, (ModelRef(name),), priority=priority)


def decide(decisions: list[Decision], matches: Matches) -> Verdict:
    return Stage(decisions).decide(matches)


def found(**confidences: float) -> Matches:
    return Matches(
        [Match("domain", name, value, value >= 0.6) for name, value in confidences.items()]
    )


def winner(verdict: Verdict) -> str | None:
    return verdict.decision.name if verdict.decision else None


def test_the_surest_decision_wins() -> None:
    verdict = decide([decision("a", LAW), decision("b", HEALTH)], found(law=0.7, health=0.8))
    assert (winner(verdict), verdict.confidence) == ("b", 0.8)


def test_priority_goes_before_confidence() -> None:
    decisions = [decision("a", LAW, priority=1), decision("b", HEALTH)]
    assert winner(decide(decisions, found(law=0.6, health=0.99))) == "a"


def test_confidence_goes_before_priority_where_that_is_the_strategy() -> None:
    stage = Stage([decision("a", LAW, priority=1), decision("b", HEALTH)], by_confidence=True)
    assert winner(stage.decide(found(law=0.6, health=0.99))) == "b"
    assert winner(stage.decide(found(law=0.7, health=0.7))) == "a"


@pytest.mark.parametrize("by_confidence", [False, True])
def test_the_earlier_decision_wins_a_tie(by_confidence: bool) -> None:
    stage = Stage([decision("a", LAW), decision("b", HEALTH)], by_confidence=by_confidence)
    assert winner(stage.decide(found(law=0.7, health=0.7))) == "a"


def test_no_decision_wins_below_the_threshold_and_the_best_confidence_is_told() -> None:
    verdict = decide([decision("a", LAW), decision("b", HEALTH)], found(law=0.2, health=0.5))
    assert verdict.decision is None
    assert verdict.confidence == 0.5
    assert not verdict.unknown


def test_what_no_rule_asks_for_says_nothing_of_how_near_it_was() -> None:
    assert decide([decision("a", LAW)], found(law=0.2, cooking=0.5)).confidence == 0.2


def test_a_failed_signal_leaves_its_rules_unknown_and_never_decides() -> None:
    matches = Matches([], {"domain": "classifier_failed"})
    verdict = decide([decision("a", LAW)], matches)
    assert verdict.decision is None
    assert verdict.unknown


def test_not_does_not_hold_while_its_detector_is_down() -> None:
    matches = Matches([Match("domain", "law", 0.9)], {"jailbreak": "classifier_timeout"})
    verdict = decide([decision("a", All((LAW, Not(GUARD))))], matches)
    assert verdict.decision is None
    assert verdict.unknown


def test_a_failed_signal_that_could_change_nothing_leaves_nothing_unknown() -> None:
    matches = Matches([Match("domain", "law", 0.1, holds=False)], {"jailbreak": "down"})
    assert not decide([decision("a", All((LAW, GUARD)))], matches).unknown


def test_a_decision_that_holds_wins_although_another_is_unknown() -> None:
    matches = Matches([Match("domain", "law", 0.9)], {"jailbreak": "classifier_timeout"})
    verdict = decide([decision("guarded", GUARD), decision("law", LAW)], matches)
    assert winner(verdict) == "law"
    assert verdict.unknown
    assert not decide([decision("guarded", GUARD), decision("law", LAW, 1)], matches).unknown


def test_what_holds_for_want_of_anything_against_it_is_the_least_sure() -> None:
    decisions = [
        decision("otherwise", All(())),
        decision("not law", Not(LAW)),
        decision("h", HEALTH),
    ]
    verdict = decide(decisions, found(health=0.7))
    assert winner(verdict) == "h"
    assert [d.name for d, _ in verdict.runners_up()] == ["otherwise", "not law"]
    assert decide(decisions, found()).confidence == 0.0


def test_a_negation_leaves_the_confidence_to_what_was_found() -> None:
    rule = All((LAW, Not(HEALTH)))
    assert rule.evaluate(found(law=0.8)) == Truth(True, 0.8)


def test_a_negation_that_does_not_hold_is_sure_of_nothing() -> None:
    assert Not(LAW).evaluate(found(law=0.9)) == Truth(False)


def test_any_is_true_beside_an_unknown_and_unknown_beside_a_false_one() -> None:
    matches = Matches([Match("domain", "law", 0.9)], {"jailbreak": "down"})
    assert Any((LAW, GUARD)).evaluate(matches) == Truth(True, 0.9)
    assert Any((HEALTH, GUARD)).evaluate(matches).holds is None


def test_all_of_nothing_holds_and_any_of_nothing_does_not() -> None:
    assert All(()).evaluate(Matches()).holds is True
    assert Any(()).evaluate(Matches()).holds is False


def test_the_signals_of_a_rule_are_told_from_left_to_right() -> None:
    assert list(leaves(All((LAW, Not(Any((GUARD, HEALTH))))))) == [LAW, GUARD, HEALTH]


def test_a_stage_knows_which_kinds_of_signal_it_needs() -> None:
    assert Stage([decision("a", LAW), decision("b", Not(GUARD))]).kinds == {"domain", "jailbreak"}


def test_a_verdict_tells_of_every_stage_that_was_asked() -> None:
    first = decide([decision("a", GUARD)], Matches([], {"jailbreak": "down"}))
    second = decide([decision("b", LAW)], found(law=0.9))
    verdict = first.followed_by(second)
    assert winner(verdict) == "b"
    assert [one.name for stage in verdict.stages for one in stage.decisions] == ["a", "b"]
    nothing = first.followed_by(decide([decision("b", LAW)], found(law=0.3)))
    assert nothing.unknown
    assert nothing.confidence == 0.3


TERNARY = st.sampled_from([True, False, None])


class World(NamedTuple):
    """Signals of three kinds, each of which may be down."""

    matches: Matches
    truths: dict[tuple[str, str], bool | None]


KEYS = [(kind, name) for kind in "xyz" for name in "abc"]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    down = draw(st.sets(st.sampled_from("xyz")))
    held = draw(st.dictionaries(st.sampled_from(KEYS), st.tuples(st.booleans(), st.floats(0, 1))))
    found = [Match(kind, name, sure, holds) for (kind, name), (holds, sure) in held.items()]
    truths: dict[tuple[str, str], bool | None] = {
        key: None if key[0] in down else held.get(key, (False,))[0] for key in KEYS
    }
    return World(Matches(found, dict.fromkeys(down, "down")), truths)


RULES: st.SearchStrategy[Rule] = st.recursive(
    st.sampled_from([Is(kind, name) for kind, name in KEYS]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda rules: All(tuple(rules))),
        st.lists(inner, max_size=4).map(lambda rules: Any(tuple(rules))),
        inner.map(Not),
    ),
    max_leaves=12,
)


def kleene(rule: Rule, truths: dict[tuple[str, str], bool | None]) -> bool | None:
    """Strong three-valued logic, as books write it: false 0, unknown a half, true 1."""

    def number(rule: Rule) -> float:
        match rule:
            case Is(kind, name):
                value = truths[kind, name]
                return 0.5 if value is None else float(value)
            case Not(inner):
                return 1 - number(inner)
            case All(rules):
                return min(map(number, rules), default=1.0)
            case Any(rules):
                return max(map(number, rules), default=0.0)
        raise AssertionError(rule)

    return {0.0: False, 0.5: None, 1.0: True}[number(rule)]


@given(RULES, worlds())
def test_a_rule_is_as_true_as_logic_says(rule: Rule, world: World) -> None:
    assert rule.evaluate(world.matches).holds is kleene(rule, world.truths)


@given(st.lists(st.tuples(RULES, st.integers(0, 2)), max_size=6), worlds(), st.booleans())
def test_a_stage_decides_as_its_rules_do(
    rules: list[tuple[Rule, int]], world: World, by_confidence: bool
) -> None:
    decisions = [decision(str(i), rule, priority) for i, (rule, priority) in enumerate(rules)]
    truths = [one.rule.evaluate(world.matches) for one in decisions]
    verdict = Stage(decisions, by_confidence=by_confidence).decide(world.matches)
    standing = [(one, truth) for one, truth in zip(decisions, truths, strict=True) if truth.holds]

    def rank(pair: tuple[Decision, Truth]) -> tuple[float, float]:
        order = (pair[0].priority, pair[1].confidence or 0.0)
        return (order[1], order[0]) if by_confidence else order

    best = max(standing, key=rank, default=None)
    assert verdict.decision is (best[0] if best else None)
    open_ = [one for one, truth in zip(decisions, truths, strict=True) if truth.holds is None]
    rivals = (
        open_
        if best is None or by_confidence
        else ([one for one in open_ if one.priority >= best[0].priority])
    )
    assert verdict.unknown is bool(rivals)
    if best:
        assert verdict.confidence == (best[1].confidence or 0.0)
