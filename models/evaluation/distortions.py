"""Ways in which users write the same thing differently; none of them may change the label."""

import string
from collections.abc import Callable
from random import Random

LETTERS_PER_TYPO = 40


def with_typos(text: str, random: Random) -> str:
    """One slip per forty characters, at least one: two neighbours swapped, one lost, one doubled
    or one replaced.
    """
    characters = list(text)
    for _ in range(max(1, len(text) // LETTERS_PER_TYPO)):
        places = [place for place, character in enumerate(characters[:-1]) if character.isalpha()]
        if places:
            _slip(characters, random.choice(places), random)
    return "".join(characters)


def _slip(characters: list[str], place: int, random: Random) -> None:
    here, after = characters[place], characters[place + 1]
    stranger = random.choice(string.ascii_lowercase) if here.isascii() else here
    characters[place : place + 2] = random.choice(
        ([after, here], [after], [here, here, after], [stranger, after])
    )


def with_trailing_wish(text: str, _: Random) -> str:
    chinese = any("\u4e00" <= character <= "\u9fff" for character in text)
    return f"{text} 请简要回答" if chinese else f"{text} please answer briefly"


DISTORTIONS: dict[str, Callable[[str, Random], str]] = {
    "typos": with_typos,
    "all lower case": lambda text, _: text.lower(),
    "ALL CAPS": lambda text, _: text.upper(),
    "a trailing wish": with_trailing_wish,
}
