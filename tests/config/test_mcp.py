from __future__ import annotations

import pytest

URL = "http://127.0.0.1:8090/mcp"
AT = "classifier.mcp_category_model"


@pytest.fixture
def found(workspace, sound):
    """The findings on the settings of an MCP server, one a line, without the file's name."""

    def check(*lines: str, enabled: str = "enabled: true") -> list[str]:
        server = "".join(f"    {line}\n" for line in (enabled, *lines) if line)
        text = sound.replace(
            "    model_id: models/domain\n",
            f"    model_id: models/domain\n  mcp_category_model:\n{server}",
        )
        return [finding.removeprefix("config.yaml:") for finding in workspace.check(text)]

    return check


@pytest.mark.parametrize(
    "lines",
    [
        ("command: classifier",),
        ("command: classifier", "transport_type: stdio", "args: [--fast]", "env: {DB: x}"),
        (f"url: {URL}",),
        (f"url: {URL}", "transport_type: streamable-http"),
        (f"url: {URL}", "transport_type: http", "headers: {authorization: Bearer x}"),
        ("url: https://[::1]:8443/", "tool_name: classify"),
        ("url: ${NOWHERE:-http://mcp.internal/mcp}",),
    ],
    ids=str,
)
def test_settings_that_fit_are_sound(found, lines):
    assert found(*lines) == []


WAYS = {
    "neither": ((), f"4:3: {AT}: expected a command for a stdio server, or a url"),
    "both": (
        ("command: classifier", f"url: {URL}"),
        f"7:5: {AT}.url: found a command and a url, expected one of them",
    ),
    "stdio with a url": (
        ("transport_type: stdio", f"url: {URL}"),
        f"6:21: {AT}.transport_type: found stdio, expected a command with it",
    ),
    "stdio with nothing": (
        ("transport_type: stdio",),
        f"6:21: {AT}.transport_type: found stdio, expected a command with it",
    ),
    "http with a command": (
        ("transport_type: http", "command: classifier"),
        f"6:21: {AT}.transport_type: found http, expected a url with it",
    ),
}


@pytest.mark.parametrize(("lines", "finding"), WAYS.values(), ids=WAYS)
def test_there_is_one_way_to_the_server(found, lines, finding):
    assert found(*lines) == [finding]


EXPECTED = "expected an absolute http or https url, such as http://127.0.0.1:8090/mcp"


@pytest.mark.parametrize(
    "url",
    ["/mcp", "127.0.0.1:8090/mcp", "ftp://mcp/", "http:///mcp", "http://mcp:x/", "http://m cp/"],
)
def test_the_url_is_absolute(found, url):
    assert found(f'url: "{url}"') == [f"6:10: {AT}.url: {EXPECTED}"]


def test_a_password_in_the_url_is_refused_and_not_repeated(found):
    (finding,) = found("url: http://me:s3cret@mcp/")
    assert finding.endswith("expected none in a url; put authorization in headers")
    assert "s3cret" not in finding


def test_a_fragment_in_the_url_is_refused(found):
    assert found("url: http://mcp/#x") == [
        f"6:10: {AT}.url: found 'http://mcp/#x', expected no #fragment"
    ]


def test_the_tool_is_not_the_one_that_lists(found):
    assert found(f"url: {URL}", "tool_name: list_categories") == [
        f"7:16: {AT}.tool_name: found 'list_categories', expected the tool that classifies"
    ]


OWN = "expected none that mcp sets itself"


def test_headers_of_the_protocol_s_own_are_refused(found):
    assert found(f"url: {URL}", "headers: {Mcp-Session-Id: x, accept: y, x-mcp-key: z}") == [
        f"7:15: {AT}.headers.Mcp-Session-Id: found 'Mcp-Session-Id', {OWN}",
        f"7:34: {AT}.headers.accept: found 'accept', {OWN}",
    ]


def test_a_header_s_value_is_ascii_and_is_not_repeated(found):
    assert found(f"url: {URL}", "headers: {authorization: schlüssel}") == [
        f"7:30: {AT}.headers.authorization: expected ascii characters in a header"
    ]


def test_a_header_must_be_one(found):
    (finding,) = found(f"url: {URL}", 'headers: {"x y": z}')
    assert finding == (
        f"7:15: {AT}.headers.\"x y\": found 'x y', expected a header's name, such as x-tenant-id"
    )


def test_a_variable_has_a_name(found):
    assert found("command: x", 'env: {"A=B": c}') == [
        f"7:11: {AT}.env.\"A=B\": found 'A=B', expected a variable's name without '='"
    ]


def test_what_has_no_effect_is_a_warning(found):
    assert found("command: x", "headers: {a: b}") == [
        f"7:5: {AT}.headers: warning: has no effect on a server with a command"
    ]
    assert found(f"url: {URL}", "args: [x]", "env: {A: b}") == [
        f"7:5: {AT}.args: warning: has no effect on a server with a url",
        f"8:5: {AT}.env: warning: has no effect on a server with a url",
    ]


@pytest.mark.parametrize("enabled", ["", "enabled: false"])
def test_a_server_that_is_not_enabled_is_one_warning_whatever_else_is_wrong(found, enabled):
    assert found("threshold: 0.5", enabled=enabled) == [
        f"4:3: {AT}: warning: not enabled, so that no server is asked; set enabled: true"
    ]


@pytest.mark.parametrize("section", ["mcp_category_model: 7", "mcp_category_model: [url]"])
def test_a_section_that_is_none_is_the_schema_s_matter(workspace, sound, section):
    text = sound.replace("classifier:\n", f"classifier:\n  {section}\n")
    (finding,) = workspace.check(text)
    assert "expected a mapping" in finding


@pytest.mark.parametrize("line", ["url: 7", "command: [x]", "headers: x", "env: [x]"])
def test_values_of_another_type_are_complained_of_once(found, line):
    assert len({finding.split(":")[0] for finding in found(line)} - {"4"}) == 1
