"""The keyword signal: which keyword rules hold, by which keywords, at which characters.

Never waits: one pass over the text answers for all rules (`keywords`). A text without words says
nothing, so that NOR rules do not hold either; of a text that is too long to be read whole NOR rules
do not hold, since nobody knows. What is reported names the configured keywords and where they
stand, so that the decision can be checked against the text, and never repeats the text.
"""

from __future__ import annotations

from router.config import Config
from router.matches import Match
from router.request import InferenceRequest
from router.signals import Report, Resources
from router.signals.keywords.matcher import Finding, Hit, KeywordMatcher
from router.signals.keywords.places import is_read_whole

_MOST_SHOWN = 8


class KeywordSignal:
    """All keyword rules of a configuration."""

    kind = "keyword"
    waits = False

    def __init__(self, matcher: KeywordMatcher) -> None:
        self._matcher = matcher

    @classmethod
    async def build(cls, config: Config, resources: Resources) -> KeywordSignal | None:
        rules = config.every_keyword_rule
        return cls(KeywordMatcher(rules)) if rules else None

    async def evaluate(self, request: InferenceRequest) -> Report:
        return self.report(request.prompt.text)

    def report(self, text: str) -> Report:
        """What `text` says about the rules."""
        by_title: dict[str, list[Finding]] = {}
        for finding in self._matcher.find(text):
            by_title.setdefault(finding.rule.title, []).append(finding)
        facts = {
            "rules": len(self._matcher),
            "characters": len(text),
            "truncated": not is_read_whole(text),
        }
        return Report(
            self.kind, tuple(_match(title, found) for title, found in by_title.items()), facts
        )


def _match(title: str, findings: list[Finding]) -> Match:
    """One title's finding: it holds where any rule of that title does, and tells of those."""
    told = [finding for finding in findings if finding.holds] or findings
    detail = _detail(told[0])
    if len(told) > 1:
        detail["others"] = [_detail(finding) for finding in told[1 : 1 + _MOST_SHOWN]]
    if len(told) > 1 + _MOST_SHOWN:
        detail["more_others"] = len(told) - 1 - _MOST_SHOWN
    holds = told[0].holds
    return Match("keyword", title, float(holds), holds, detail)


def _detail(finding: Finding) -> dict[str, object]:
    """The rule's operator and its keywords by where they stand, in characters from the start.

    `distance` is there for a fuzzy keyword, `more` where not all keywords are shown, `missing`
    where an AND rule lacks some.
    """
    shown = finding.hits[:_MOST_SHOWN]
    detail: dict[str, object] = {
        "operator": finding.rule.operator,
        "keywords": [_keyword(hit) for hit in shown],
    }
    if len(finding.hits) > len(shown):
        detail["more"] = len(finding.hits) - len(shown)
    if finding.missing:
        detail["missing"] = finding.missing
    return detail


def _keyword(hit: Hit) -> dict[str, object]:
    start, end, distance = hit.place
    shown: dict[str, object] = {"keyword": hit.keyword, "start": start, "end": end}
    return {**shown, "distance": distance} if distance else shown
