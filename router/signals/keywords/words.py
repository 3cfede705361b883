"""Keywords of words, exact and fuzzy, in texts of one form."""

from __future__ import annotations

from collections.abc import Mapping

from router.signals.keywords.forms import Form
from router.signals.keywords.fuzzy import FuzzyKeywords, is_fuzzy
from router.signals.keywords.literals import Literals
from router.signals.keywords.places import Place, Window

# A keyword in its form, and how many letters of a word may differ; 0: none.
Wording = tuple[str, int]


def worded(form: Form, keyword: str, threshold: int) -> Wording:
    """`keyword` as `form` has it; the threshold is kept where it makes a difference."""
    text = form.of(keyword).text.strip()
    return text, threshold if is_fuzzy(text, threshold) else 0


class Words:
    """Wordings with their numbers; an exact place goes before a fuzzy one."""

    def __init__(self, form: Form, numbers: Mapping[Wording, int]) -> None:
        self._form = form
        exact: dict[str, list[int]] = {}
        for (text, _), number in numbers.items():
            exact.setdefault(text, []).append(number)
        self._exact = list(exact.values())
        self._literals = Literals(list(exact))
        fuzzy = {wording: number for wording, number in numbers.items() if wording[1]}
        self._near = list(fuzzy.values())
        self._fuzzy = FuzzyKeywords(list(fuzzy)) if fuzzy else None

    def find(self, window: Window) -> Mapping[int, Place]:
        formed = self._form.of(window.text)
        text = formed.text
        low, high = int(window.cut_left), len(text) - window.cut_right
        found = {
            number: Place(*formed.origin(*span))
            for at, span in self._literals.find(text, low, high).items()
            for number in self._exact[at]
        }
        if self._fuzzy:
            for at, place in self._fuzzy.find(text, low, high).items():
                if self._near[at] not in found:
                    span = formed.origin(place.start, place.end)
                    found[self._near[at]] = Place(*span, place.distance)
        return found
