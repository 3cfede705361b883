"""Plugins of decisions: one of each type, with settings that belong to it.

Works on plain values; plugins that are not served have been set aside before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from router.config.problems import Path
from router.config.report import Report
from router.config.shape import fields_of, section_at
from router.config.unserved import PLUGINS

# What each type of plugin is made of, besides `enabled`.
SETTINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "system_prompt": ("system_prompt", "mode"),
        "header_mutation": ("add", "update", "delete"),
    }
)
_NEEDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"system_prompt": ("system_prompt",), "header_mutation": ("add", "update", "delete")}
)


def check_plugins(report: Report) -> None:
    """Report plugins that are there twice, that do nothing, and settings of other plugins."""
    seen: dict[tuple[Path, str], Path] = {}
    for path, kind, settings in _plugins(report):
        first = seen.setdefault((path[:-2], kind), path)
        if first != path:
            line = report.document.value_position(first[:-1]).line
            text = f"the decision has a {kind} plugin on line {line}, expected one of each type"
            report.error((*path[:-1], "type"), text)
        _check_settings(report, path, kind, settings)


def _plugins(report: Report) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    """Every plugin of a known type: the place of its settings, its type, its settings."""
    for path, plugin in report.document.select(*PLUGINS):
        if isinstance(plugin, dict) and isinstance(plugin.get("type"), str):
            settings = plugin.get("configuration", {})
            if plugin["type"] in SETTINGS and isinstance(settings, dict):
                yield (*path, "configuration"), plugin["type"], settings


def _check_settings(report: Report, path: Path, kind: str, settings: dict[str, Any]) -> None:
    section = section_at(path)
    assert section is not None  # the path is the schema's own
    known = fields_of(section).keys()
    for key in settings.keys() & known - {"enabled", *SETTINGS[kind]}:
        owner = next(other for other, keys in SETTINGS.items() if key in keys)
        report.error((*path, key), f"a setting of {owner} plugins, not of {kind}", key=True)
    does_something = any(map(settings.get, _NEEDED[kind])) or settings.get("enabled") is False
    if not does_something and settings.keys() <= known:
        expected = " or ".join(_NEEDED[kind])
        report.warn(path, f"found nothing for the plugin to do, expected {expected}")
