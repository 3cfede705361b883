"""A working directory with a configuration that is sound, to be edited into ones that are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.config import check

SOUND = """\
classifier:
  category_model:
    model_id: models/domain
vllm_endpoints:
  - name: vllm-a
    address: 10.0.0.7
    port: 8000
  - name: vllm-b
    address: vllm.internal
    port: 8001
model_config:
  base:
    preferred_endpoints: [vllm-a]
    loras:
      - name: law-lora
      - name: code-lora
  other:
    loras:
      - name: other-lora
default_model: base
categories:
  - name: law
    model_scores:
      - model: base
        lora_name: law-lora
        score: 1.0
  - name: technical
    model_scores:
      - model: base
        lora_name: code-lora
        score: 1.0
"""

MAPPING = {
    "idx_to_category": {"0": "computer science", "1": "engineering", "2": "law", "3": "other"},
    "aliases": {
        "technical": ["computer science", "engineering"],
        "legal": ["law"],
        "medical": ["other"],
        "general": ["other"],
    },
}


class Workspace:
    """A directory with `config.yaml` and the classifier `models/domain` that it names."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "config.yaml"
        self.model = directory / "models" / "domain"
        self.model.mkdir(parents=True)
        (self.model / "category_mapping.json").write_text(json.dumps(MAPPING))

    def check(
        self, text: str | bytes, environ: dict[str, str] | None = None, *, check_files: bool = True
    ) -> list[str]:
        """The findings on `text`, one a line, without the summary."""
        self.file.write_bytes(text.encode() if isinstance(text, str) else text)
        report = check(Path("config.yaml"), environ=environ or {}, check_files=check_files)
        return report.lines[:-1]

    def added(self, text: str) -> list[str]:
        """The findings on the sound configuration with `text` after it, as `line:col: path: text`.

        Lines are counted in `text`.
        """
        before = SOUND.count("\n")
        findings = (finding.split(":", 2) for finding in self.check(SOUND + text))
        return [f"{int(line) - before}:{rest}" for _, line, rest in findings]

    def edited(self, old: str, new: str, environ: dict[str, str] | None = None) -> list[str]:
        """The findings on the sound configuration with `old`, which is there once, replaced."""
        assert SOUND.count(old) == 1, old
        return self.check(SOUND.replace(old, new), environ)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    return Workspace(tmp_path)


@pytest.fixture
def sound() -> str:
    return SOUND
