"""Keyword rules compiled together: one pass over a text tells of all of them.

Keywords are gathered from all rules, looked for by sort, and handed back to the rules that name
them. Says which keyword stands where; never repeats the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

from router.config.signals import KeywordRule
from router.signals.keywords.forms import CASED, CASELESS, Form
from router.signals.keywords.patterns import Patterns, Spelling
from router.signals.keywords.places import Finder, Place, is_read_whole, windows
from router.signals.keywords.words import Wording, Words, worded

Key = TypeVar("Key")


class Hit(NamedTuple):
    """A keyword as the rule spells it, and where it first stands in the text, in characters."""

    keyword: str
    place: Place


class Finding(NamedTuple):
    """One rule that the text has something to say about, and the keywords that are there.

    `hits` are in the order of the text, one for each keyword; `missing` counts those that an AND
    rule lacks. A rule that does not hold is told of where some keyword of it is there.
    """

    rule: KeywordRule
    holds: bool
    hits: tuple[Hit, ...] = ()
    missing: int = 0


class KeywordMatcher:
    """Rules, ready to be asked about any text. Takes time linear in the text."""

    def __init__(self, rules: Iterable[KeywordRule]) -> None:
        gathered = _Gathered()
        self._rules = tuple(rules)
        keywords = [
            {gathered.number(rule, keyword): keyword for keyword in reversed(rule.keywords)}
            for rule in self._rules
        ]
        self._users: list[list[tuple[int, str]]] = [[] for _ in range(gathered.count)]
        for index, named in enumerate(keywords):
            for number, keyword in named.items():
                self._users[number].append((index, keyword))
        self._sizes = [len(named) for named in keywords]
        self._finders = gathered.finders()
        self._negative = {
            index: Finding(rule, holds=True)
            for index, rule in enumerate(self._rules)
            if rule.operator == "NOR"
        }

    def __len__(self) -> int:
        """The number of rules."""
        return len(self._rules)

    def find(self, text: str) -> list[Finding]:
        """What `text` says about the rules, in their order; nothing where it is blank.

        NOR holds where no keyword is there and the text was read whole (`is_read_whole`).
        """
        if not text or text.isspace():
            return []
        named: dict[int, list[Hit]] = {}
        for number, place in self._places(text).items():
            for index, keyword in self._users[number]:
                named.setdefault(index, []).append(Hit(keyword, place))
        findings = {index: self._finding(index, hits) for index, hits in named.items()}
        if self._negative and is_read_whole(text):
            findings = self._negative | findings
        return [findings[index] for index in sorted(findings)]

    def _places(self, text: str) -> Mapping[int, Place]:
        """The first place of each keyword, an exact one if there is any."""
        found: dict[int, Place] = {}
        for window in windows(text):
            for finder in self._finders:
                for number, place in finder.find(window).items():
                    if number not in found or found[number].distance > place.distance == 0:
                        found[number] = place.moved(window.offset)
        return found

    def _finding(self, index: int, hits: list[Hit]) -> Finding:
        rule = self._rules[index]
        missing = self._sizes[index] - len(hits) if rule.operator == "AND" else 0
        holds = rule.operator != "NOR" and not missing
        return Finding(rule, holds, tuple(sorted(hits, key=_place)), missing)


def _place(hit: Hit) -> Place:
    return hit.place


class _Gathered:
    """The keywords of all rules, numbered; what two rules look for alike is looked for once."""

    def __init__(self) -> None:
        self.count = 0
        self._patterns: dict[Spelling, int] = {}
        self._words: dict[Form, dict[Wording, int]] = {CASED: {}, CASELESS: {}}

    def number(self, rule: KeywordRule, keyword: str) -> int:
        """The number of `keyword` as `rule` looks for it."""
        if rule.method == "regex":
            return self._numbered(self._patterns, (keyword, rule.case_sensitive))
        form = CASED if rule.case_sensitive else CASELESS
        threshold = rule.fuzzy_threshold if rule.fuzzy_match else 0
        return self._numbered(self._words[form], worded(form, keyword, threshold))

    def finders(self) -> tuple[Finder, ...]:
        """Those that look for the keywords, as many as there are sorts of them."""
        words = (Words(form, numbers) for form, numbers in self._words.items() if numbers)
        return (*words, *([Patterns(self._patterns)] if self._patterns else ()))

    def _numbered(self, numbers: dict[Key, int], key: Key) -> int:
        if key not in numbers:
            numbers[key] = self.count
            self.count += 1
        return numbers[key]
