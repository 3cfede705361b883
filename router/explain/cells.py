"""Text in the cells of a terminal, where a Chinese character takes two.

Knows nothing of what the text says. Whatever could move the cursor or hide text is made visible.
"""

from __future__ import annotations

import re

from rich.cells import cell_len, set_cell_size

_BLANKS = re.compile(r"\s+")
_ELLIPSIS = "…"


def visible(text: str) -> str:
    """`text` with characters that a terminal would act on replaced."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "�" for char in text)


def one_line(text: str) -> str:
    """`text` on one line, whatever blanks and breaks it holds."""
    return visible(_BLANKS.sub(" ", text).strip())


def width(text: str) -> int:
    """How many cells `text` takes."""
    return cell_len(text)


def shortened(text: str, most: int) -> str:
    """`text`, or its beginning and an ellipsis where it takes more than `most` cells."""
    if cell_len(text) <= most:
        return text
    return set_cell_size(text, most - 1).rstrip() + _ELLIPSIS if most > 1 else _ELLIPSIS


def padded(text: str, cells: int) -> str:
    """`text` with blanks behind it up to `cells`; longer text stays whole."""
    return text + " " * (cells - cell_len(text))
