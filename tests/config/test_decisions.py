from __future__ import annotations

import pytest
from pydantic import ValidationError

from router.config.decisions import Condition, DecisionSettings, ModelRefSettings, RoutingRule

ROUTE = {"backend": "vllm-a"}


@pytest.mark.parametrize(
    "rule",
    [
        {"match": {"path": "/x"}, "route": ROUTE},
        {"fallback": {"route": ROUTE}},
        {"fallback": None, "route": ROUTE},
    ],
)
def test_a_routing_rule_says_where_to_go_in_either_form(rule):
    target = RoutingRule.model_validate(rule).target
    assert target is not None
    assert target.backend == "vllm-a"
    assert target.priority == 1


def test_a_decision_without_rules_holds_always():
    decision = DecisionSettings.model_validate({"name": "a", "modelRefs": [{"model": "base"}]})
    assert decision.rules == Condition(operator="AND", conditions=())
    assert decision.priority == 0


def test_a_model_of_a_decision_need_not_say_more_than_its_name():
    ref = ModelRefSettings.model_validate({"model": "base"})
    assert (ref.score, ref.weight, ref.use_reasoning, ref.lora_name) == (1.0, None, False, None)


@pytest.mark.parametrize(
    "key", [{"weight": -1}, {"score": 0}, {"weight": float("inf")}, {"reasoning_effort": "lots"}]
)
def test_a_share_and_a_score_are_numbers_that_can_be_compared(key):
    with pytest.raises(ValidationError):
        ModelRefSettings.model_validate({"model": "base", **key})


def test_conditions_nest():
    inner = {"type": "domain", "name": "law"}
    for _ in range(16):
        inner = {"operator": "NOT", "conditions": [inner]}
    condition = Condition.model_validate(inner)
    while condition.conditions:
        condition = condition.conditions[0]
    assert condition.name == "law"
