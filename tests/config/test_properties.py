"""Whatever a file holds, the findings are lines with a place; never a traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from router.config import check
from router.config.parse import parse
from router.config.shape import field_at, fields_of, section_at

LINE = re.compile(r"config\.yaml(:[1-9]\d*:[1-9]\d*)?: [^\n]+\Z")
SHIPPED = (
    (Path(__file__).parents[2] / "config" / "config.yaml").read_text()
    + """\
keyword_rules:
  - {category: legal, operator: OR, keywords: [contract], case_sensitive: true}
  - {name: urgent, method: regex, keywords: ["urgent(ly)?"]}
embedding_rules:
  - {category: medical, threshold: 0.5, candidates: [my head hurts], aggregation_method: mean}
embedding_model: {model_id: models/mom-domain-classifier, timeout_ms: 500}
classification_order: [keyword, embedding, domain]
strategy: confidence
model_selection: {strategy: weighted, sticky_key: user}
signals:
  keywords: [{name: now, fuzzy_match: true, fuzzy_threshold: 2, keywords: [immediately]}]
  domains: [{name: health, mmlu_categories: [medical]}]
  language: [{name: cjk, codes: [zh, ja]}]
  context: [{name: long, min_tokens: 8K, max_tokens: 100000}]
  requests: [{name: premium, path: /v1/*, headers: {x-plan: [gold]}, images: false}]
decisions:
  - name: first
    priority: 3
    rules:
      operator: AND
      conditions:
        - {type: keyword, name: urgent}
        - operator: NOT
          conditions: [{type: domain, name: health}]
        - operator: OR
          conditions: [{type: language, name: cjk}, {type: request, name: premium}]
    modelRefs:
      - {model: llama2-7b, lora_name: legal-lora, weight: 1, use_reasoning: true}
      - {model: llama2-7b, weight: 2}
    plugins:
      - {type: semantic-cache, configuration: {enabled: true}}
      - {type: system_prompt, configuration: {system_prompt: Be brief., mode: insert}}
      - {type: header_mutation, configuration: {add: [{name: x-a, value: b}], delete: [x-b]}}
  - name: second
    rules: {operator: OR, conditions: [{type: context, name: long}, {type: keyword, name: now}]}
    model_selection: {strategy: cheapest, quality_floor: 0.5}
    modelRefs: [{model: llama2-7b, score: 0.7}]
routing_rules:
  - {match: {model: "gpt-*", headers: {x-a: b}}, route: {backend: vllm-primary, priority: 2}}
  - {fallback: {route: {backend: vllm-primary, model: medical-lora, priority: 9}}}
"""
)
DOCUMENT = parse(SHIPPED, {})
SET_ASIDE = ("decisions", 0, "plugins", 0)
KEYS = sorted((path for path in DOCUMENT.keys if field_at(path) and path[:4] != SET_ASIDE), key=str)
VALUES = sorted(DOCUMENT.values, key=str)
FEW = settings(max_examples=150, deadline=None)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["${X}", "${X:-8000}", "llama2-7b", "vllm-primary", "auto", "unix:x", "::1"]),
    st.sampled_from(["AND", "NOT", "keyword", "urgent", "cjk", "8K", "system_prompt", "pii", "*"]),
)
SOME_KEYS = sorted({str(path[-1]) for path in KEYS})
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(SOME_KEYS), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("properties")


@pytest.fixture
def findings(directory, monkeypatch):
    monkeypatch.chdir(directory)

    def found(content: bytes) -> list[str]:
        Path("config.yaml").write_bytes(content)
        return check(Path("config.yaml"), environ={}, check_files=False).lines

    return found


def replaced(path, value) -> bytes:
    """The shipped configuration with one value replaced, as YAML."""
    document = parse(SHIPPED, {})
    if not path:
        return dumped(value)
    document.put(path, value)
    return dumped(document.data)


def dumped(value) -> bytes:
    return yaml.safe_dump(value, allow_unicode=True).encode()


@settings(FEW, suppress_health_check=["function_scoped_fixture"])
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8")))
def test_any_bytes_give_lines(findings, content):
    assert all(LINE.match(line) for line in findings(content))


@settings(FEW, suppress_health_check=["function_scoped_fixture"])
@given(st.sampled_from(VALUES), anything)
def test_any_value_anywhere_gives_lines(findings, path, value):
    assert all(LINE.match(line) for line in findings(replaced(path, value)))


def test_the_file_that_is_broken_here_is_sound(findings):
    *warnings, summary = findings(SHIPPED.encode())
    assert summary.startswith("config.yaml: ok, ")
    assert all(": warning: " in line for line in warnings)


@settings(FEW, suppress_health_check=["function_scoped_fixture"])
@given(anything)
def test_any_document_gives_lines(findings, value):
    assert all(LINE.match(line) for line in findings(dumped(value)))


@settings(FEW, suppress_health_check=["function_scoped_fixture"])
@given(st.sampled_from(KEYS), st.data())
def test_a_typo_in_any_key_is_an_error_at_that_key(findings, path, data):
    key = str(path[-1])
    place = data.draw(st.integers(0, len(key)))
    typo = key[:place] + data.draw(st.sampled_from("abcxyz_")) + key[place:]
    section = section_at(path[:-1])
    assert section is not None
    position = DOCUMENT.key_position(path)
    lines = SHIPPED.splitlines()
    line = lines[position.line - 1]
    at = position.column - 1
    lines[position.line - 1] = line[:at] + typo + line[at + len(key) :]
    mistakes = findings("\n".join(lines).encode())
    assert typo not in fields_of(section)
    assert any(
        mistake.startswith(f"config.yaml:{position.line}:{position.column}: ")
        and f": unknown key; did you mean {key!r}?" in mistake
        for mistake in mistakes
    )


@settings(FEW, suppress_health_check=["function_scoped_fixture"])
@given(st.from_regex(r"[a-z]{1,12}_[a-z]{1,12}_q", fullmatch=True))
def test_an_unknown_key_in_any_section_is_an_error_at_its_place(findings, key):
    for indent, anchor in ((0, "default_model:"), (4, "    weight:"), (8, "        score:")):
        at = SHIPPED.index(anchor)
        text = SHIPPED[:at] + " " * indent + f"{key}: 1\n" + SHIPPED[at:]
        line = SHIPPED[:at].count("\n") + 1
        assert any(
            found.startswith(f"config.yaml:{line}:{indent + 1}: ") and "unknown key" in found
            for found in findings(text.encode())
        )
