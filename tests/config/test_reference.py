from __future__ import annotations

import re
from pathlib import Path

import pytest

from router.config.parse import parse
from router.config.reference import reference
from router.config.shape import fields_of, sections
from router.config.unserved import UNSERVED

REFERENCE = Path(__file__).parents[2] / "docs" / "configuration.md"
EXAMPLES = {section.__name__: section.example for _, section in sections() if section.example}


def test_the_reference_in_the_repository_is_the_schemas():
    assert REFERENCE.read_text() == reference(), "run python -m router.config.reference"


def test_every_key_has_a_row_and_every_row_has_four_cells():
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) == sum(len(fields_of(section)) for _, section in sections())
    assert all(re.fullmatch(r"\| [^|]+ \| [^|]+ \| [^|]+ \| [^|]+ \|", row) for row in rows)


def test_links_lead_to_headings():
    text = reference()
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= anchors


def test_unserved_keys_are_listed():
    closing = reference().rpartition("## ")[2]
    assert len(re.findall(r"^- `", closing, re.MULTILINE)) == len(UNSERVED)
    assert "- `categories[].pii_enabled`" in closing
    assert "- `model_config.<name>.pii_policy`" in closing


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_every_example_is_sound_in_a_whole_configuration(workspace, example):
    endpoints = [f"{{name: vllm-{name}, address: h, port: 1}}" for name in "ab"]
    whole = {
        "vllm_endpoints": f"vllm_endpoints: [{', '.join(endpoints)}]",
        "model_config": "model_config: {qwen3-8b: {loras: [{name: legal-lora}]}}",
        "default_model": "default_model: qwen3-8b",
        "classifier": "classifier: {category_model: {model_id: models/domain}}",
    }
    given = parse(example, {}).data
    rest = "\n".join(line for key, line in whole.items() if key not in given)
    assert workspace.check(f"{example}\n{rest}", check_files=False) == []


def test_the_smallest_example_is_sound(workspace):
    smallest = reference().split("```yaml\n")[1].split("```")[0]
    assert workspace.check(smallest) == []
