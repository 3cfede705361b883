"""What signals found, by kind and name."""

from __future__ import annotations

from router.matches import Match, Matches


def test_a_match_is_looked_up_by_kind_and_name() -> None:
    law = Match("domain", "law", 0.9)
    matches = Matches([law, Match("keyword", "law")], {"jailbreak": "down"})
    assert matches.get("domain", "law") is law
    assert matches.get("domain", "health") is None
    assert len(matches) == len(list(matches)) == 2
    assert matches.unknown == {"jailbreak": "down"}
