"""The context signal: how long the prompt is, by the estimate of its tokens."""

from __future__ import annotations

from collections.abc import Sequence

from router.config import Config
from router.config.signals import ContextRule
from router.matches import Match
from router.request import InferenceRequest
from router.signals import Report, Resources


class ContextSignal:
    """Ranges of lengths, both ends included, that the prompt's estimated length lies in."""

    kind = "context"
    waits = False

    def __init__(self, rules: Sequence[ContextRule]) -> None:
        self._rules = rules

    @classmethod
    async def build(cls, config: Config, resources: Resources) -> ContextSignal | None:
        rules = config.signals.context
        return cls(rules) if rules else None

    async def evaluate(self, request: InferenceRequest) -> Report:
        facts = {"estimated_tokens": request.prompt.estimated_tokens}
        tokens = facts["estimated_tokens"]
        matches = tuple(
            Match(self.kind, rule.name, 1.0, True, facts)
            for rule in self._rules
            if rule.min_tokens <= tokens and (rule.max_tokens is None or tokens <= rule.max_tokens)
        )
        return Report(self.kind, matches, facts)
