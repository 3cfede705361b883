"""Whether the settings of an MCP server fit together: one way to reach it, a tool that classifies.

Works on the plain values, as `references` does, and only where the server is switched on. How long
it may take is weighed in `deadlines`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from router.config.problems import Path
from router.config.report import Report
from router.config.texts import shown

_AT: Path = ("classifier", "mcp_category_model")
_STDIO = "stdio"
_HTTP = ("streamable-http", "http")
_WITHOUT_EFFECT = {"command": ("headers",), "url": ("args", "env")}
_MCP_OWN = frozenset({"accept", "accept-encoding", "content-length", "content-type", "host"})

Settings = dict[str, Any]


def check_mcp(report: Report) -> None:
    """Report what keeps the MCP server from being reached, and what has no effect."""
    settings = _settings(report)
    if settings is None:
        return
    if not settings.get("enabled", False):
        report.warn(_AT, "not enabled, so that no server is asked; set enabled: true", key=True)
        return
    _check_way(report, settings)
    _check_url(report, settings)
    _check_headers(report)
    _check_env(report, settings)
    _check_tool(report, settings)


def _settings(report: Report) -> Settings | None:
    found = [value for _, value in report.document.select(*map(str, _AT))]
    return found[0] if found and isinstance(found[0], dict) else None


def _check_way(report: Report, settings: Settings) -> None:
    ways = [way for way in ("command", "url") if settings.get(way) is not None]
    transport = settings.get("transport_type")
    if len(ways) > 1:
        report.error((*_AT, "url"), "found a command and a url, expected one of them", key=True)
    elif transport == _STDIO and ways != ["command"]:
        report.error((*_AT, "transport_type"), "found stdio, expected a command with it")
    elif transport in _HTTP and ways != ["url"]:
        report.error((*_AT, "transport_type"), f"found {transport}, expected a url with it")
    elif not ways:
        report.error(_AT, "expected a command for a stdio server, or a url", key=True)
    else:
        for key in _WITHOUT_EFFECT[ways[0]]:
            if settings.get(key):
                report.warn((*_AT, key), f"has no effect on a server with a {ways[0]}", key=True)


def _check_url(report: Report, settings: Settings) -> None:
    url = settings.get("url")
    if not isinstance(url, str) or not url:
        return
    at = (*_AT, "url")
    if not _is_absolute(url):
        report.error(
            at, "expected an absolute http or https url, such as http://127.0.0.1:8090/mcp"
        )
    elif "@" in urlsplit(url).netloc:
        # Not quoted: it holds a password.
        report.error(at, "found a user name, expected none in a url; put authorization in headers")
    elif urlsplit(url).fragment:
        report.error(at, f"found {shown(url)}, expected no #fragment")


def _is_absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and url.isprintable()
            and " " not in url
        )
    except ValueError:  # of the port, or of an address in brackets
        return False


def _check_headers(report: Report) -> None:
    for path, value in report.document.texts(*map(str, _AT), "headers", "*"):
        name = str(path[-1]).lower()
        if name in _MCP_OWN or name.startswith("mcp-"):
            report.error(
                path, f"found {shown(path[-1])}, expected none that mcp sets itself", key=True
            )
        elif not value.isascii():
            # Not quoted: it may be a credential.
            report.error(path, "expected ascii characters in a header")


def _check_env(report: Report, settings: Settings) -> None:
    env = settings.get("env")
    for name in env if isinstance(env, dict) else ():
        if isinstance(name, str) and (not name or "=" in name or "\0" in name):
            report.error(
                (*_AT, "env", name),
                f"found {shown(name)}, expected a variable's name without '='",
                key=True,
            )


def _check_tool(report: Report, settings: Settings) -> None:
    if settings.get("tool_name") == "list_categories":
        report.error(
            (*_AT, "tool_name"), "found 'list_categories', expected the tool that classifies"
        )
