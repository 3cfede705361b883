"""A document against the schema: every value of the right type, every key known.

Turns pydantic's findings into sentences with places. Values from the environment are text; they
become numbers or booleans where the schema wants those.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from router.config.problems import Path, did_you_mean, listed, nearest, path_text
from router.config.report import Report
from router.config.scalars import plain
from router.config.schema import Config
from router.config.shape import (
    field_at,
    fields_of,
    is_text_or_list_at,
    section_at,
    sections,
)
from router.config.texts import shown
from router.config.unserved import (
    instead_of_choice,
    instead_of_key,
    instead_of_missing,
    unserved_in,
)

Finding = dict[str, Any]

_KEY_STEP = "[key]"
_NOT_TEXT = {"int_type", "float_type", "bool_type"}


def validate(report: Report) -> Config | None:
    """The document as a Config, or None after reporting everything that stands in the way."""
    findings = _findings(report)
    if isinstance(findings, list) and _convert_variables(report, findings):
        findings = _findings(report)
    if isinstance(findings, Config):
        return findings
    for finding in findings:
        _explain(report, finding)
    return None


def _findings(report: Report) -> Config | list[Finding]:
    try:
        return Config.model_validate(report.document.data)
    except ValidationError as error:
        return [dict(entry) for entry in error.errors(include_url=False)]


def _convert_variables(report: Report, findings: list[Finding]) -> bool:
    """Give the variables that should be numbers or booleans their value; whether any changed."""
    changed = False
    for finding in findings:
        path, text = finding["loc"], finding["input"]
        is_variable = report.document.original(path) in report.document.variables
        if finding["type"] in _NOT_TEXT and is_variable:
            value = plain(text)
            report.document.put(path, value)
            changed = changed or value != text
    return changed


def _explain(report: Report, finding: Finding) -> None:
    path: Path = finding["loc"]
    kind = finding["type"]
    if kind == "extra_forbidden":
        report.error(path, _unknown_key(path), key=True)
    elif kind == "missing":
        report.error(path, _missing(path))
    elif path[-1:] == (_KEY_STEP,):
        report.error(path[:-1], _message(finding), key=True)
    elif kind != "too_short" or not finding["input"]:  # pydantic also counts out faulty entries
        report.error(path, _message(finding))


def _unknown_key(path: Path) -> str:
    section = section_at(path[:-1])
    key = str(path[-1])
    siblings = list(fields_of(section)) if section else []
    meant = nearest(key, [*siblings, *unserved_in(path[:-1])])
    if instead := instead_of_key(path):
        return f"unknown key; {instead}"
    if meant:
        return f"unknown key; did you mean {meant!r}?"
    homes = [path_text((*at, key)) for at, home in sections() if key in fields_of(home)]
    if homes:
        return f"unknown key here; it belongs at {homes[0].replace('[0]', '[]')}"
    return f"unknown key; expected one of {listed(siblings, limit=16)}"


def _missing(path: Path) -> str:
    info = field_at(path)
    meaning = re.split(r"[:;.] |\.$", (info and info.description) or "a value")[0]
    instead = instead_of_missing(path)
    return (
        f"missing; expected {meaning[:1].lower()}{meaning[1:]}{f'; {instead}' if instead else ''}"
    )


def _message(finding: Finding) -> str:
    path, value, context = finding["loc"], finding["input"], finding.get("ctx", {})
    if _may_be_secret(path):
        return "found a value that is not shown here, expected names with texts that can be sent"
    if finding["type"] == "value_error":
        return str(context["error"])
    expect = _EXPECTED.get(finding["type"])
    expected = expect(value, context) if expect else str(finding["msg"]).lower()
    if finding["type"] == "tuple_type" and is_text_or_list_at(path):
        expected = "text or a list of texts"
    hint = "; write one or remove the key" if value is None else ""
    if instead := instead_of_choice(path, value):
        hint = f"; {instead}"
    return f"found {shown(value)}, expected {expected}{hint}"


def _may_be_secret(path: Path) -> bool:
    """Whether credentials stand there: messages go to logs and to `/ready`."""
    if path[-1:] == (_KEY_STEP,):
        return False
    return path[:1] in (("live_view",), ("classifier",)) and not {"headers", "env"}.isdisjoint(path)


def _number(what: str) -> Callable[[Any, Any], str]:
    def expected(value: Any, _: Any) -> str:
        is_quoted = isinstance(value, str) and isinstance(plain(value), int | float)
        return f"{what}; remove the quotes" if is_quoted else what

    return expected


def _text(value: Any, _: Any) -> str:
    is_scalar = isinstance(value, bool | int | float)
    return "text; put it in quotes" if is_scalar else "text"


def _boolean(value: Any, _: Any) -> str:
    meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}
    word = value.lower() if isinstance(value, str) else ""
    return f"true or false; write {meant[word]}" if word in meant else "true or false"


def _choice(value: Any, context: Any) -> str:
    choices = [
        choice.strip("' ") for choice in context["expected"].replace(" or ", ", ").split(",")
    ]
    hint = did_you_mean(value, choices) if isinstance(value, str) else ""
    return f"one of {', '.join(choices)}{hint}"


def _at_least_one(value: Any, _: Any) -> str:
    return "text that is not empty" if isinstance(value, str) else "at least one entry"


_EXPECTED: dict[str, Callable[[Any, Any], str]] = {
    "string_type": _text,
    "int_type": _number("a whole number"),
    "float_type": _number("a number"),
    "bool_type": _boolean,
    "finite_number": lambda _, __: "a finite number",
    "model_type": lambda _, __: "a mapping",
    "dict_type": lambda _, __: "a mapping",
    "tuple_type": lambda _, __: "a list",
    "literal_error": _choice,
    "enum": _choice,
    "too_short": _at_least_one,
    "string_too_short": _at_least_one,
    "greater_than": lambda _, context: f"more than {context['gt']}",
    "greater_than_equal": lambda _, context: f"at least {context['ge']}",
    "less_than_equal": lambda _, context: f"at most {context['le']}",
}
