"""A rule as a tree of truths."""

from __future__ import annotations

import json
from typing import Any as Anything

from hypothesis import given
from hypothesis import strategies as st

from router.decisions import All, Any, Is, Not, Rule
from router.explain.rules import rule_tree
from router.matches import PROPOSAL, Match, Matches

KINDS = ("keyword", "domain", "embedding")
NAMES = ("a", "b")
LEAVES = st.builds(Is, st.sampled_from(KINDS), st.sampled_from(NAMES))
RULES: st.SearchStrategy[Rule] = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(All, st.lists(parts, max_size=3).map(tuple)),
        st.builds(Any, st.lists(parts, max_size=3).map(tuple)),
    ),
    max_leaves=10,
)


@st.composite
def findings(draw: st.DrawFn) -> Matches:
    found = [
        Match(kind, name, confidence, confidence >= 0.5)
        for kind in KINDS
        for name in NAMES
        if (confidence := draw(st.sampled_from([0.0, 0.25, 0.5, 1.0])))
    ]
    return Matches(found, dict.fromkeys(draw(st.sets(st.sampled_from(KINDS))), "down"))


def test_a_tree_shows_the_truth_of_every_part() -> None:
    rule = All((Is("keyword", "urgent"), Not(Is("domain", "law")), Any((Is("mcp", PROPOSAL),))))
    matches = Matches(
        [Match("keyword", "urgent"), Match("domain", "law", 0.2, False)], {"mcp": "x"}
    )
    assert rule_tree(rule, matches) == {
        "all": [
            {"is": "keyword urgent", "holds": True, "confidence": 1.0},
            {
                "not": {"is": "domain law", "holds": False, "confidence": 0.2},
                "holds": True,
                "confidence": None,
            },
            {
                "any": [{"is": "mcp", "holds": None, "confidence": None}],
                "holds": None,
                "confidence": None,
            },
        ],
        "holds": None,
        "confidence": None,
    }


@given(RULES, findings())
def test_the_tree_comes_out_as_the_rule_does(rule: Rule, matches: Matches) -> None:
    tree, truth = rule_tree(rule, matches), rule.evaluate(matches)
    assert (tree["holds"], tree["confidence"]) == (truth.holds, truth.confidence)
    json.dumps(tree)


@given(RULES, findings())
def test_every_part_bears_its_whole_out(rule: Rule, matches: Matches) -> None:
    check(rule_tree(rule, matches))


def check(tree: dict[str, Anything]) -> None:
    """The three-valued logic, read from the tree alone."""
    parts = tree.get("all", tree.get("any", [tree["not"]] if "not" in tree else []))
    held = [part["holds"] for part in parts]
    if "all" in tree:
        assert tree["holds"] is (False if False in held else None if None in held else True)
    elif "any" in tree:
        assert tree["holds"] is (True if True in held else None if None in held else False)
    elif "not" in tree:
        assert tree["holds"] is (None if held[0] is None else not held[0])
    for part in parts:
        check(part)
