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
SHIPPED = (Path(__file__).parents[2] / "config" / "config.yaml").read_text()
DOCUMENT = parse(SHIPPED, {})
KEYS = sorted((path for path in DOCUMENT.keys if field_at(path)), key=str)
VALUES = sorted(DOCUMENT.values, key=str)
FEW = settings(max_examples=150, deadline=None)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["${X}", "${X:-8000}", "llama2-7b", "vllm-primary", "auto", "unix:x", "::1"]),
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=8) | st.sampled_from(["name", "model"]), inner, max_size=3
        )
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
