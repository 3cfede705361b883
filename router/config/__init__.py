"""The configuration file: what it may say, what it says, and everything that is wrong with it.

Knows YAML, the schema and how names must fit together; leaves what the settings do to the rooms
that they belong to.
"""

from __future__ import annotations

from router.config.check import CheckReport, check
from router.config.conditions import domains_asked_for, names_asked_for
from router.config.forwarded import changed_headers, forwarded_headers
from router.config.labels import labels_of
from router.config.load import Loaded, load
from router.config.reach import ClassifierFiles
from router.config.schema import Category, Config
from router.errors import ConfigError

__all__ = [
    "Category",
    "CheckReport",
    "ClassifierFiles",
    "Config",
    "ConfigError",
    "Loaded",
    "changed_headers",
    "check",
    "domains_asked_for",
    "forwarded_headers",
    "labels_of",
    "load",
    "names_asked_for",
]
