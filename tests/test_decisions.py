"""Rules in three values, and which decision wins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.catalog import ModelRef
from router.decisions import All, Any, Decision, Is, Not, Rule, Truth, decide
from router.matches import Match, Matches

LAW = Is("domain", "law")
HEALTH = Is("domain", "health")
GUARD = Is("jailbreak", "detected")


def decision(name: str, rule: Rule, priority: int = 0) -> Decision:
    return Decision(name, rule, (ModelRef(name),), priority=priority)


def found(**confidences: float) -> Matches:
    return Matches(
        [Match("domain", name, value, value >= 0.6) for name, value in confidences.items()]
    )


def test_the_surest_decision_wins() -> None:
    verdict = decide([decision("a", LAW), decision("b", HEALTH)], found(law=0.7, health=0.8))
    assert verdict.decision is not None
    assert (verdict.decision.name, verdict.confidence) == ("b", 0.8)


def test_priority_goes_before_confidence() -> None:
    decisions = [decision("a", LAW, priority=1), decision("b", HEALTH)]
    verdict = decide(decisions, found(law=0.6, health=0.99))
    assert verdict.decision is decisions[0]


def test_the_earlier_decision_wins_a_tie() -> None:
    decisions = [decision("a", LAW), decision("b", HEALTH)]
    assert decide(decisions, found(law=0.7, health=0.7)).decision is decisions[0]


def test_no_decision_wins_below_the_threshold_and_the_best_confidence_is_told() -> None:
    verdict = decide([decision("a", LAW), decision("b", HEALTH)], found(law=0.2, health=0.5))
    assert verdict.decision is None
    assert verdict.confidence == 0.5
    assert not verdict.unknown


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


def test_a_decision_that_holds_wins_although_another_is_unknown() -> None:
    matches = Matches([Match("domain", "law", 0.9)], {"jailbreak": "classifier_timeout"})
    decisions = [decision("guarded", GUARD), decision("law", LAW)]
    assert decide(decisions, matches).decision is decisions[1]


def test_a_negation_that_does_not_hold_is_sure_of_nothing() -> None:
    assert Not(LAW).evaluate(found(law=0.9)) == Truth(False, 0.0)


def test_any_is_true_beside_an_unknown_and_unknown_beside_a_false_one() -> None:
    matches = Matches([Match("domain", "law", 0.9)], {"jailbreak": "down"})
    assert Any((LAW, GUARD)).evaluate(matches) == Truth(True, 0.9)
    assert Any((HEALTH, GUARD)).evaluate(matches).holds is None


def test_all_of_nothing_holds_and_any_of_nothing_does_not() -> None:
    assert All(()).evaluate(Matches()).holds is True
    assert Any(()).evaluate(Matches()).holds is False


TERNARY = st.sampled_from([True, False, None])


def leaf(value: bool | None) -> tuple[Rule, Matches]:
    unknown = {"k": "down"} if value is None else {}
    return Is("k", "n"), Matches([Match("k", "n", 0.9, bool(value))], unknown)


@given(TERNARY)
def test_double_negation_changes_no_truth(value: bool | None) -> None:
    rule, matches = leaf(value)
    assert Not(Not(rule)).evaluate(matches).holds is rule.evaluate(matches).holds is value


@given(st.lists(TERNARY, max_size=5))
def test_not_all_is_any_not(values: list[bool | None]) -> None:
    names = [f"n{i}" for i in range(len(values))]
    matches = Matches(
        [Match(n, n, 0.9, bool(v)) for n, v in zip(names, values, strict=True)],
        {n: "down" for n, v in zip(names, values, strict=True) if v is None},
    )
    rules = tuple(Is(n, n) for n in names)
    left = Not(All(rules)).evaluate(matches).holds
    right = Any(tuple(Not(rule) for rule in rules)).evaluate(matches).holds
    assert left is right
