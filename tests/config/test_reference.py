from __future__ import annotations

import re
from pathlib import Path

import pytest

from router.config.parse import parse
from router.config.reference import reference
from router.config.shape import fields_of, sections
from router.config.unserved import UNSERVED, UNSERVED_PLUGINS

REFERENCE = Path(__file__).parents[2] / "docs" / "configuration.md"
EXAMPLES = {section.__name__: section.example for _, section in sections() if section.example}


def test_the_reference_in_the_repository_is_the_schemas():
    assert REFERENCE.read_text() == reference(), "run python -m router.config.reference"


def test_every_key_has_one_row_and_every_row_has_four_cells():
    tables = reference().partition("## Top level")[2]
    rows = [line for line in tables.splitlines() if line.startswith("| `")]
    assert len(rows) == sum(len(fields_of(section)) for section in {s for _, s in sections()})
    assert all(re.fullmatch(r"\| [^|]+ \| [^|]+ \| [^|]+ \| [^|]+ \|", row) for row in rows)


def test_a_section_that_stands_in_several_places_is_described_once_and_names_the_others():
    text = reference()
    assert text.count("## `keyword_rules[]`") == 1
    assert "## `signals.keywords[]`" not in text
    assert "Also at `signals.keywords[]`." in text
    assert "Also at `categories[].model_selection`, `decisions[].model_selection`." in text


ROWS = {
    "a list of choices": "| `classification_order` | list of `keyword`, `embedding`, `mcp`, ",
    "a section that holds itself": "| `conditions` | list of [sections](#decisionsrules) | none |",
    "a text or several": "| `path` | text or list of texts | none |",
    "texts by name": "| `headers` | mapping of names to text or list of texts | none |",
    "a number that may be text": "| `min_tokens` | whole number, or text such as `8K` | `0` |",
    "an alias": "| `modelRefs` | list of [sections](#decisionsmodelrefs) | required |",
    "a section that means always": "| `rules` | [section](#decisionsrules) | none |",
    "a section with defaults": "| `signals` | [section](#signals) | see there |",
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_type_is_told_in_words(row):
    assert f"\n{row}" in reference()


def test_links_lead_to_headings():
    text = reference()
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= anchors


def test_unserved_keys_are_listed():
    closing = reference().rpartition("## ")[2]
    assert len(re.findall(r"^- `", closing, re.MULTILINE)) == len(UNSERVED) + len(UNSERVED_PLUGINS)
    assert "- `signals.keywords[].ngram_arity`" in closing
    assert "- `semantic-cache`" in closing
    assert "- `categories[].pii_enabled`" in closing
    assert "- `model_config.<name>.pii_policy`" in closing


# What examples leave to the rest of the file.
WHOLE = {
    "vllm_endpoints": """\
vllm_endpoints: [{name: vllm-a, address: h, port: 1}, {name: vllm-b, address: h, port: 1}]
""",
    "model_config": """\
model_config: {qwen3-8b: {loras: [{name: legal-lora}]}}
""",
    "default_model": """\
default_model: qwen3-8b
""",
    "classifier": """\
classifier: {category_model: {model_id: models/domain}}
""",
}
# What uses the signals of an example: a category, or a decision.
USERS = {
    "KeywordRule": """\
categories:
  - {name: us-law, model_scores: [{model: qwen3-8b, score: 1}]}
  - {name: urgent, model_scores: [{model: qwen3-8b, score: 1}]}
""",
    "EmbeddingRule": """\
categories: [{name: it-support, model_scores: [{model: qwen3-8b, score: 1}]}]
""",
    "Signals": """\
decisions:
  - name: all
    modelRefs: [{model: qwen3-8b}]
    rules:
      operator: OR
      conditions:
        - {type: keyword, name: contract}
        - {type: embedding, name: refund}
        - {type: domain, name: health}
        - {type: language, name: cjk}
        - {type: context, name: long}
""",
    "RequestRule": """\
decisions:
  - name: both
    modelRefs: [{model: qwen3-8b}]
    rules:
      operator: AND
      conditions: [{type: request, name: premium}, {type: request, name: screenshots}]
""",
    "DecisionSettings": """\
keyword_rules: [{name: contract, keywords: [contract]}]
""",
    "ModelSelection": """\
decisions: [{name: a, modelRefs: [{model: qwen3-8b, weight: 1}]}]
""",
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_sound_in_a_whole_configuration(workspace, name):
    example = EXAMPLES[name]
    given = parse(example, {}).data
    rest = "".join(text for key, text in WHOLE.items() if key not in given)
    assert workspace.check(f"{example}\n{rest}{USERS.get(name, '')}", check_files=False) == []


def test_the_smallest_example_is_sound(workspace):
    smallest = reference().split("```yaml\n")[1].split("```")[0]
    assert workspace.check(smallest) == []
