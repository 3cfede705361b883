from __future__ import annotations

import pytest

from router.mcp_client.tools import Tool, find_tool

TOOLS = [Tool("list_categories"), Tool("tenant_lookup", "Classifies by tenant"), Tool("search")]


@pytest.mark.parametrize("name", ["classify_text", "classify", "categorize", "categorize_text"])
def test_the_usual_names_go_before_descriptions(name: str) -> None:
    assert find_tool([*TOOLS, Tool(name)], None).name == name


def test_of_the_usual_names_the_first_of_the_list_is_taken() -> None:
    tools = [Tool("categorize"), Tool("classify"), Tool("classify_text")]
    assert find_tool(tools, None).name == "classify_text"


def test_else_the_first_tool_that_speaks_of_classifying() -> None:
    assert find_tool(TOOLS, None).name == "tenant_lookup"
    assert find_tool([*TOOLS[::2], Tool("TextClassifier")], None).name == "TextClassifier"


def test_the_configured_tool_goes_before_all() -> None:
    assert find_tool([*TOOLS, Tool("classify")], "search").name == "search"


def test_without_any_the_error_lists_what_there_is() -> None:
    with pytest.raises(LookupError) as caught:
        find_tool([Tool("search"), Tool("x" * 1000)], None)
    message = caught.value.args[0]
    assert message.startswith("no tool that classifies among its tools: 'search', 'xxx")
    assert len(message) < 400


def test_a_configured_tool_that_is_not_there_is_an_error() -> None:
    with pytest.raises(LookupError) as caught:
        find_tool(TOOLS[:1], "classify")
    assert caught.value.args[0] == "no tool 'classify' among its tools: 'list_categories'"


ARGUMENTS = {"text": "x", "with_probabilities": True}


def test_a_tool_gets_only_what_a_closed_schema_names() -> None:
    schema = {"properties": {"text": {}}, "additionalProperties": False}
    assert Tool("t", schema=schema).accepted(ARGUMENTS) == {"text": "x"}


@pytest.mark.parametrize(
    "schema",
    [{}, {"properties": {"text": {}}}, {"additionalProperties": False}, {"properties": []}],
    ids=str,
)
def test_any_other_schema_lets_everything_through(schema: dict[str, object]) -> None:
    assert Tool("t", schema=schema).accepted(ARGUMENTS) == ARGUMENTS
