"""What goes with the example is true: its README, and the router's configuration."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tenant_router.answers import HeaderNames
from tenant_router.cli import _parser, _samples
from tenant_router.table import SCHEMA

from router.config import load

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config" / "multi-tenant.yaml"


@pytest.fixture
def readme(example: Path) -> str:
    return (example / "README.md").read_text()


def test_the_configuration_loads_and_forwards_the_headers_that_the_server_reads() -> None:
    settings = load(CONFIG).config.classifier.mcp_category_model
    assert settings is not None
    assert settings.enabled
    assert set(settings.forward_headers) == {HeaderNames().tenant, HeaderNames().user}


def test_the_configuration_lists_adapters_of_the_sample_tenants() -> None:
    model = load(CONFIG).config.models["llama2-7b"]
    samples = {adapter for tenant in _samples(1000) for adapter in tenant.shares}
    assert {lora.name for lora in model.loras} - samples == {"tenant-0002-lora-v2"}


def test_the_readme_shows_the_tables_as_they_are_made(readme: str) -> None:
    assert f"```sql\n{SCHEMA}```" in readme


def test_every_link_of_the_readme_leads_somewhere(example: Path, readme: str) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", readme)
    assert targets
    assert [target for target in targets if not (example / target).exists()] == []


def test_every_command_and_option_of_the_readme_exists(readme: str) -> None:
    commands = re.findall(r"examples/mcp-tenant-router ([a-z].*)", readme)
    assert len(commands) > 5
    for command in commands:
        words = command.split("#")[0].rstrip("&\\ ").split()
        if "|" not in words:
            _parser().parse_args(words)


def test_the_quick_start_runs_as_it_is_printed(readme: str, tmp_path: Path) -> None:
    block = readme.split("## Quick start")[1].split("```bash\n")[1].split("```")[0]
    assert block.count("\n") > 4
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TENANT_DATABASE": str(tmp_path / "tenants.db"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "tenant-0042" in result.stdout
