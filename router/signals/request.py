"""The request signal: facts that a request states, such as a header, a user, an image.

Nothing is guessed: a rule holds where all of its facts do. Also serves routing rules, which ask for
some of the same facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from router.config import Config
from router.config.signals import RequestMatch, RequestRule
from router.matches import Match
from router.request import InferenceRequest
from router.signals import Report, Resources

ANY = "*"


class Pattern:
    """Some texts of which one must be there, `*` in them for any characters, none included.

    Whatever the pattern, matching takes time in proportion to the text's length times the
    pattern's at most: parts between asterisks are found from left to right and never sought again.
    """

    __slots__ = ("_exact", "_wild")

    def __init__(self, texts: Sequence[str]) -> None:
        self._exact = frozenset(text for text in texts if ANY not in text)
        self._wild = tuple(tuple(text.split(ANY)) for text in texts if ANY in text)

    def fits(self, text: str | None) -> bool:
        """Whether `text` is there and is one of the texts."""
        if text is None:
            return False
        return text in self._exact or any(_fits(parts, text) for parts in self._wild)


def _fits(parts: tuple[str, ...], text: str) -> bool:
    first, *middle, last = parts
    if not text.startswith(first) or not text.endswith(last):
        return False
    position, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return position <= end


_Holds = Callable[[InferenceRequest], bool]


@dataclass(frozen=True, slots=True)
class RequestMatcher:
    """Facts that must all hold, by the names that explain them, which show no values.

    A header or a `user` that is absent fits no pattern, not even `*`; of a header that is there
    several times the first value counts. Case matters but in the names of headers.
    """

    facts: Mapping[str, _Holds]

    @classmethod
    def compile(cls, match: RequestMatch) -> RequestMatcher:
        """The matcher of a routing rule's `match` or of a request rule."""
        facts = dict(_facts(match))
        if isinstance(match, RequestRule):
            facts |= dict(_rule_facts(match))
        return cls(facts)

    def holds(self, request: InferenceRequest) -> bool:
        for holds in self.facts.values():  # noqa: SIM110  # half the time of all()
            if not holds(request):
                return False
        return True


def _facts(match: RequestMatch) -> Iterator[tuple[str, _Holds]]:
    if match.model:
        yield "model", _text(match.model, lambda request: request.model)
    if match.path:
        yield "path", _text(match.path, lambda request: request.path)
    for name, patterns in match.headers.items():
        yield f"header {name}", _header(name, patterns)


def _rule_facts(rule: RequestRule) -> Iterator[tuple[str, _Holds]]:
    if rule.user:
        yield "user", _text(rule.user, lambda request: request.user)
    for key, patterns in rule.metadata.items():
        yield f"metadata {key}", _metadata(key, patterns)
    for name, read in _FLAGS.items():
        wanted = getattr(rule, name)
        if wanted is not None:
            yield name if wanted else f"no {name}", _flag(read, wanted)


def _text(patterns: Sequence[str], read: Callable[[InferenceRequest], str | None]) -> _Holds:
    pattern = Pattern(patterns)
    return lambda request: pattern.fits(read(request))


def _header(name: str, patterns: Sequence[str]) -> _Holds:
    pattern = Pattern(patterns)
    return lambda request: name in request.headers and pattern.fits(request.headers.get(name))


def _metadata(key: str, patterns: Sequence[str]) -> _Holds:
    return _text(patterns, lambda request: request.metadata.get(key))


def _flag(read: _Holds, wanted: bool) -> _Holds:
    return lambda request: read(request) is wanted


_FLAGS: Mapping[str, _Holds] = {
    "images": lambda request: request.prompt.has_images,
    "tools": lambda request: request.prompt.has_tools,
    "json_mode": lambda request: request.prompt.json_mode,
    "stream": lambda request: request.stream,
}


class RequestSignal:
    """The request rules whose facts all hold."""

    kind = "request"
    waits = False

    def __init__(self, rules: Sequence[RequestRule]) -> None:
        self._matchers = {rule.name: RequestMatcher.compile(rule) for rule in rules}

    @classmethod
    async def build(cls, config: Config, resources: Resources) -> RequestSignal | None:
        rules = config.signals.requests
        return cls(rules) if rules else None

    async def evaluate(self, request: InferenceRequest) -> Report:
        matches = tuple(
            Match(self.kind, name, 1.0, True, {"facts": list(matcher.facts)})
            for name, matcher in self._matchers.items()
            if matcher.holds(request)
        )
        return Report(self.kind, matches)
