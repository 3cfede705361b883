from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.mcp_client.frames import Lines, Overlong, answered_id

LIMIT = 1000


def chunked(text: bytes, sizes: list[int]) -> list[bytes]:
    chunks, start = [], 0
    for size in sizes:
        chunks.append(text[start : start + size])
        start += size
    return [*chunks, text[start:]]


@settings(deadline=None)
@given(
    lines=st.lists(st.binary(max_size=2500).filter(lambda line: b"\n" not in line), max_size=6),
    sizes=st.lists(st.integers(0, 3000), max_size=12),
)
def test_lines_come_out_whole_however_they_came_in(lines: list[bytes], sizes: list[int]) -> None:
    splitter = Lines(LIMIT)
    text = b"".join(line + b"\n" for line in lines)
    found = [line for chunk in chunked(text, sizes) for line in splitter.feed(chunk)]
    assert found == [
        line if len(line) <= LIMIT else Overlong(line[:256], line[-256:]) for line in lines
    ]


def test_a_line_that_has_not_ended_is_kept_to_itself() -> None:
    splitter = Lines(LIMIT)
    assert list(splitter.feed(b"half a ")) == []
    assert list(splitter.feed(b"line\nand")) == [b"half a line"]


def test_megabytes_without_a_line_feed_are_not_kept() -> None:
    splitter = Lines(LIMIT)
    for _ in range(200):
        assert list(splitter.feed(b"x" * 10_000)) == []
    assert sum(map(len, (splitter._line, splitter._head or b"", splitter._tail))) <= LIMIT


ANSWERS = [
    '{"jsonrpc":"2.0","id":17,"result":{}}',
    '{"jsonrpc": "2.0", "id": 17, "error": {"code": 1}}',
    ' { "id" : 17 , "result": {"id": 5}}',
    '{"result":{"id":5},"id":17}',
    '{"jsonrpc":"2.0","result":[{"id":5}],"id":17}\r',
    '{"result": {}, "id": 17, "jsonrpc": "2.0"}',
]


@pytest.mark.parametrize("line", ANSWERS)
def test_the_number_is_read_from_either_end(line: str) -> None:
    assert answered_id(line[:40].encode(), line[-40:].encode()) == 17


NONE = [
    '{"jsonrpc":"2.0","result":{"id":17}}',
    '{"jsonrpc":"2.0","result":{"x":1,"id":17}}',
    '{"jsonrpc":"2.0","id":"17","result":{}}',
    '{"jsonrpc":"2.0","id":1.5,"result":{}}',
    '{"jsonrpc":"2.0","id":null,"error":{}}',
    "loading the model 17",
    "",
]


@pytest.mark.parametrize("line", NONE)
def test_a_number_that_may_be_another_is_not_taken(line: str) -> None:
    assert answered_id(line.encode(), line.encode()) is None


@settings(deadline=None)
@given(
    number=st.integers(0, 10**12),
    result=st.dictionaries(st.sampled_from(["id", "jsonrpc", "x"]), st.integers() | st.text()),
    first=st.booleans(),
)
def test_whatever_the_answer_says_the_number_is_the_request_s(
    number: int, result: dict[str, object], first: bool
) -> None:
    head = {"jsonrpc": "2.0", "id": number}
    message = {**head, "result": result} if first else {"result": result, **head}
    line = json.dumps(message).encode()
    assert answered_id(line[:256], line[-256:]) in (number, None)
