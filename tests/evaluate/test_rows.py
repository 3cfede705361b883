"""Labelled data: every mistake by file and line, and no prompt quoted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.evaluate.rows import MOST_PROBLEMS, read_rows

LABELS = ("health", "law")
GOOD = b'{"text": "sue me", "label": "law", "source": "x"}\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data.jsonl"


def test_good_rows_are_read_and_blank_lines_skipped(file: Path) -> None:
    file.write_bytes(GOOD + b"\n  \n" + GOOD)
    data = read_rows(file, LABELS)
    assert [(row.text, row.label) for row in data.rows] == [("sue me", "law")] * 2
    assert data.lines() == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not json: expecting property name enclosed in double quotes at column 2"),
        (b"\xff{}", "not utf-8 at byte 0"),
        (b"[]", "expected an object, found list"),
        (b"[" * 100_000, "not a row: nested too deeply"),
        (b'{"label": "law"}', "text: missing"),
        (b'{"txt": "a", "label": "law"}', "text: missing; found 'txt'"),
        (b'{"text": null, "label": "law"}', "text: expected a string, found NoneType"),
        (b'{"text": "a"}', "label: missing"),
        (b'{"text": "a", "label": 1}', "label: expected a string, found int"),
        (b'{"text": "a", "label": "laws"}', "the model knows no 'laws'; did you mean 'law'?"),
        (b'{"text": "a", "label": "z"}', "the model knows no 'z'; expected one of health, law"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_row_is_named_by_file_and_line(file: Path, line: bytes, reason: str) -> None:
    file.write_bytes(GOOD + b"\n" + line + b"\n" + GOOD)
    data = read_rows(file, LABELS)
    (problem,) = data.lines()
    assert problem.startswith(f"{file}:3: ")
    assert problem.endswith(reason)
    assert len(data.rows) == 2


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n"))
    assert read_rows(file, LABELS).rows[0].label == "law"


def test_all_problems_are_counted_and_the_first_shown(file: Path) -> None:
    file.write_bytes(b"x\n" * (MOST_PROBLEMS + 3))
    data = read_rows(file, LABELS)
    assert data.problems == MOST_PROBLEMS + 3
    assert len(data.lines()) == MOST_PROBLEMS + 1
    assert data.lines()[-1] == "and 3 more"


def test_a_missing_file_is_a_problem(file: Path) -> None:
    assert read_rows(file, LABELS).lines() == [f"{file}: no such file or directory"]


def test_a_file_without_rows_is_a_problem(file: Path) -> None:
    file.write_bytes(b"\n")
    assert "no rows" in read_rows(file, LABELS).lines()[0]


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_give_rows_or_problems(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "data.jsonl"
    path.write_bytes(content)
    data = read_rows(path, LABELS)
    assert data.rows or data.problems
