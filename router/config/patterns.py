"""Which regular expressions and keywords a configuration may hold, and what is wrong with others.

Patterns are RE2's, which match in time linear in the text, whatever the pattern. Knows nothing of
how prompts are searched.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import re2

from router.config.texts import shown

_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Cs", "Mn", "Zl", "Zp", "Zs"})
_UNSUPPORTED = (
    (re.compile(r"invalid perl operator: \(\?<?[=!]"), "look-around"),
    (re.compile(r"invalid escape sequence: \\[1-9k]"), "a backreference"),
    (re.compile(r"invalid perl operator: "), "such a group"),
)


def check_pattern(pattern: str) -> str | None:
    """What keeps `pattern` from being searched for, as one sentence; None where nothing does."""
    try:
        compiled = compile_pattern(pattern)
        compile_pattern(f"(?i){pattern}")  # takes more room than the pattern that heeds case
    except UnicodeEncodeError:
        return f"found {shown(pattern)}, expected text without lone surrogates"
    except re2.error as error:
        return f"found {shown(pattern)}, expected a pattern in RE2 syntax: {_reason(error)}"
    if compiled.search("") is not None:
        return (
            f"found {shown(pattern)}, expected a pattern that does not match the empty text: "
            "that is in every prompt"
        )
    return None


def check_literal(keyword: str) -> str | None:
    """What keeps `keyword` from being found in a text, as one sentence; None where nothing does."""
    if all(unicodedata.category(char) in _INVISIBLE for char in keyword):
        return f"found {shown(keyword)}, expected a keyword with a visible character"
    return None


def compile_pattern(pattern: str) -> Any:
    """`pattern` as `re2` compiles it, ready to search. Raises re2.error, and prints nothing."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def _reason(error: Exception) -> str:
    """RE2's complaint in the words of this house."""
    raw = error.args[0]
    text = raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)
    what, _, part = text.partition(": ")
    for complaint, meaning in _UNSUPPORTED:
        if complaint.match(text):
            return f"{meaning} is not supported, {shown(part)}"
    return f"{what}, {shown(part)}" if part else what
