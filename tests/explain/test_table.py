"""Many accounts in a table."""

from __future__ import annotations

from typing import Any

from router.explain.cells import width
from router.explain.table import HEADS, cells, table

ACCOUNT: dict[str, Any] = {
    "category": "medical",
    "decision": "medical",
    "model": "medical-lora",
    "endpoint": "vllm-a",
    "confidence": 0.92444,
    "reason": "auto_routing",
    "error": None,
}


def test_a_row_has_a_cell_for_each_head() -> None:
    row = cells("What causes\nhigh blood pressure?", ACCOUNT)
    assert row == (
        "What causes high blood pressure?",
        *("medical", "medical", "medical-lora", "vllm-a", "0.9244", "auto_routing"),
    )
    assert len(row) == len(HEADS)


def test_what_is_not_there_is_a_dash_and_an_error_stands_behind_the_reason() -> None:
    refused = dict.fromkeys(ACCOUNT) | {"reason": "client_error", "error": "no such model"}
    assert cells("x", refused)[1:] == ("-", "-", "-", "-", "-", "client_error: no such model")


def test_columns_line_up_where_chinese_stands_in_them() -> None:
    lines = list(table([cells("高血压的原因是什么", ACCOUNT), cells("short", ACCOUNT)], 120))
    at = [
        width(line[: line.index(mark)])
        for line, mark in zip(lines, ("category", "medical", "medical"), strict=True)
    ]
    assert len(set(at)) == 1


def test_prompts_are_shortened_to_the_width_of_the_terminal() -> None:
    lines = list(table([cells("高血压" * 40, ACCOUNT), cells("word " * 40, ACCOUNT)], 100))
    assert all(width(line) <= 100 for line in lines)
    assert all("…" in line for line in lines[1:])


def test_a_long_error_runs_over_and_does_not_squeeze_the_prompts() -> None:
    failed = ACCOUNT | {"error": "e" * 200}
    lines = list(table([cells("p" * 60, failed)], 140))
    assert "p" * 40 in lines[1]
    assert lines[1].endswith("e" * 200)


def test_a_long_name_is_shortened() -> None:
    assert cells("x", ACCOUNT | {"model": "m" * 80})[3] == "m" * 27 + "…"
