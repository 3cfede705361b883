"""What signals found, by kind and name."""

from __future__ import annotations

from router.catalog import ModelRef
from router.matches import PROPOSAL, Match, Matches


def test_a_match_is_looked_up_by_kind_and_name() -> None:
    law = Match("domain", "law", 0.9)
    matches = Matches([law, Match("keyword", "law")], {"jailbreak": "down"})
    assert matches.get("domain", "law") is law
    assert matches.get("domain", "health") is None
    assert matches.unknown == {"jailbreak": "down"}


def test_of_two_findings_with_one_name_the_surest_that_holds_counts() -> None:
    weak, strong, near = (
        Match("embedding", "refund", 0.6),
        Match("embedding", "refund", 0.8),
        Match("embedding", "refund", 0.9, holds=False),
    )
    for order in ([weak, strong, near], [near, strong, weak], [strong, near, weak]):
        assert Matches(order).get("embedding", "refund") is strong


def test_a_match_that_names_a_model_is_found_as_a_proposal_too() -> None:
    named = Match("mcp", "tenant", ref=ModelRef("llama", "tenant-lora"))
    matches = Matches([Match("mcp", "other"), named])
    assert matches.get("mcp", PROPOSAL) is matches.get("mcp", "tenant") is named
    assert Matches([Match("mcp", "other")]).get("mcp", PROPOSAL) is None
