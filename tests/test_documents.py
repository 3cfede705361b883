"""What the documents say is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from router.cli import _parser
from router.telemetry.metrics import Metrics

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "models" / "mom-domain-classifier" / "README.md",
    ROOT / "examples" / "mcp-tenant-router" / "README.md",
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
    assert [t for t in targets if not (document.parent / t).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_has_a_rule(document: Path) -> None:
    rules = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z0-9]+)", document.read_text(), re.MULTILINE))
    assert named <= rules


def test_every_command_of_the_readme_exists() -> None:
    text = (ROOT / "README.md").read_text()
    usage = _parser().format_help()
    for name in set(re.findall(r"(?:`|^)lora-router ([a-z]+)", text, re.MULTILINE)):
        assert f"    {name} " in usage


def test_every_metric_of_the_readme_is_served() -> None:
    served = Metrics().render().decode()
    named = re.findall(r"`((?:llm|lora_router)_[a-z_]+)`", (ROOT / "README.md").read_text())
    assert named
    for name in named:
        assert f"# TYPE {name.removesuffix('_total')}" in served


def test_no_file_tells_of_the_machine_that_it_was_written_on() -> None:
    marks = "|".join(re.escape("/" + "/".join(part)) for part in (("work", ""), ("tmp", "t/")))
    listed = subprocess.run(
        ["git", "grep", "-lIE", f"(^|[^a-z.])({marks})"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert listed.stdout == ""
