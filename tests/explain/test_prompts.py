"""Files of prompts, and the line of every mistake in them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from router.explain.asked import Asked
from router.explain.prompts import Prompts, read_prompts
from router.request import InferenceRequest

NO_CREDENTIALS = "expected a header that carries no credentials: those never reach the router"


def request(asked: Asked) -> InferenceRequest:
    return asked.request(auto_name="MoM", max_body_bytes=4096)


def read(path: Path, **given: str) -> Prompts:
    return read_prompts(str(path), Asked(**given), request)  # type: ignore[arg-type]


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    return tmp_path / "prompts.txt"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return tmp_path / "prompts.jsonl"


def test_every_line_is_a_prompt_and_blank_ones_are_none(lines: Path) -> None:
    lines.write_bytes("\ufeffhello\r\n\r\n  高血压 \n".encode())
    prompts = read(lines, model="auto", user="bob")
    assert prompts.problems == []
    assert [(row.line, row.request.prompt.text) for row in prompts.rows] == [
        (1, "hello"),
        (3, "高血压"),
    ]
    assert {(row.request.model, row.request.user) for row in prompts.rows} == {("auto", "bob")}


def test_a_line_of_text_that_looks_like_json_is_a_prompt(lines: Path) -> None:
    lines.write_text('{"text": "x"}')
    assert read(lines).rows[0].request.prompt.text == '{"text": "x"}'


def test_a_row_says_more_than_its_prompt_and_goes_before_what_is_given(rows: Path) -> None:
    rows.write_text(
        '{"text": "a", "model": "legal-lora", "headers": {"X-Plan": "gold"}}\n'
        '{"text": "b", "path": "/v1/messages", "system": "brief"}\n'
    )
    given = Asked(
        model="auto", user="bob", headers={"x-plan": "tin", "x-a": "1"}, path="/v1/responses"
    )
    first, second = (row.request for row in read_prompts(str(rows), given, request).rows)
    assert (first.model, first.user, first.path) == ("legal-lora", "bob", "/v1/responses")
    assert dict(first.headers) == {"x-plan": "gold", "x-a": "1"}
    assert (second.model, second.path, second.prompt.system) == ("auto", "/v1/messages", "brief")


def test_a_row_may_be_a_whole_body(rows: Path) -> None:
    body = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
    rows.write_text(json.dumps({"body": body}))
    (row,) = read(rows, model="ignored").rows
    assert (row.request.model, row.request.prompt.text) == ("auto", "hello")


def test_every_bad_row_is_named_by_its_line(rows: Path) -> None:
    rows.write_text(
        '{"text": "fine"}\n\n{"text": 3}\n{"txt": "a"}\nsecret\n{}\n'
        '{"text": "a", "headers": {"cookie": "secret"}}\n'
    )
    prompts = read(rows)
    assert [problem.removeprefix(f"{rows}:") for problem in prompts.problems] == [
        "3: expected `str`, got `int` - at `$.text`",
        "4: object contains unknown field `txt`",
        "5: not json: invalid character (byte 0)",
        "6: expected either `text` or `body`",
        f"7: headers: found 'cookie', {NO_CREDENTIALS}",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"fine\nab\xffc\n", ":2: not utf-8 at byte 3, expected text"),
        (b"\x7fELF\0\0\0\n", ":1: holds a NUL byte, expected text"),
        (b"\n \n", ": no prompts, expected one on each line"),
        (b"", ": no prompts, expected one on each line"),
    ],
)
def test_a_file_without_prompts_is_refused(lines: Path, content: bytes, problem: str) -> None:
    lines.write_bytes(content)
    assert read(lines).problems == [f"{lines}{problem}"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.txt"
    assert read(missing).problems == [f"{missing}: no such file or directory"]
    assert read(tmp_path).problems == [f"{tmp_path}: is a directory"]


def test_of_many_problems_the_first_are_shown(lines: Path) -> None:
    lines.write_bytes(b"\xff\n" * 25)
    complaints = read(lines).complaints()
    assert len(complaints) == 21
    assert complaints[-1] == "and 5 more"


def test_standard_input_is_read_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = SimpleNamespace(buffer=io.BytesIO(b"hello\n\xff\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    prompts = read(Path("-"))
    assert [row.request.prompt.text for row in prompts.rows] == ["hello"]
    assert prompts.problems == ["standard input:2: not utf-8 at byte 1, expected text"]
