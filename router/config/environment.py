"""Environment variables in values: `${NAME}`, `${NAME:-default}`, and `$${` for a literal `${`."""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(
    r"(?P<escaped>\$\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|\$\{"
)


def substitute(text: str, environ: Mapping[str, str]) -> str:
    """`text` with its variables replaced. Raises ValueError that says what was expected.

    A default also stands in for a variable that is set but empty.
    """
    return _REFERENCE.sub(lambda match: _value(match, environ), text)


def refers(text: str) -> bool:
    """Whether `text` has a reference, sound or not, to a variable."""
    return any(match["escaped"] is None for match in _REFERENCE.finditer(text))


def _value(match: re.Match[str], environ: Mapping[str, str]) -> str:
    if match["escaped"]:
        return "${"
    name, default = match["name"], match["default"]
    if name is None:
        found = match.string[match.start() :][:20]
        raise ValueError(
            f"found {found!r}, expected ${{NAME}} or ${{NAME:-default}}; "
            "write $${ where ${ itself is meant"
        )
    if default is not None:
        return environ.get(name) or default
    if name not in environ:
        raise ValueError(
            f"environment variable {name} is not set; set it or write ${{{name}:-default}}"
        )
    return environ[name]
