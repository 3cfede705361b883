"""Which of a server's tools classifies, and what it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.config.problems import listed

LIST_CATEGORIES = "list_categories"
_USUAL = ("classify_text", "classify", "categorize", "categorize_text")
_HINT = "classif"
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as its server describes it; `schema` is that of its arguments."""

    name: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)

    def accepted(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """`arguments` without those that the tool's schema rules out."""
        properties = self.schema.get("properties")
        if self.schema.get("additionalProperties") is not False or not isinstance(properties, dict):
            return dict(arguments)
        return {name: value for name, value in arguments.items() if name in properties}


def find_tool(tools: Sequence[Tool], configured: str | None) -> Tool:
    """The tool that classifies. Raises LookupError, which lists the tools that there are."""
    by_name = {tool.name: tool for tool in tools}
    if configured is not None:
        if configured not in by_name:
            raise LookupError(f"no tool {configured!r} among its tools: {_found(tools)}")
        return by_name[configured]
    usual = (by_name[name] for name in _USUAL if name in by_name)
    hinted = (tool for tool in tools if _HINT in f"{tool.name} {tool.description}".casefold())
    found = next(usual, None) or next(hinted, None)
    if found is None:
        expected = f"{', '.join(_USUAL)} or one that speaks of {_HINT!r}"
        raise LookupError(
            f"no tool that classifies among its tools: {_found(tools)}; expected {expected}, or "
            "classifier.mcp_category_model.tool_name"
        )
    return found


def _found(tools: Sequence[Tool]) -> str:
    names = [tool.name[:_LONGEST_NAME] for tool in tools]
    return listed(names) or "none"
