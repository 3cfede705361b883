"""How a report looks, on a terminal and elsewhere."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from router.evaluate.rows import Row
from router.evaluate.scores import evaluate
from router.evaluate.tables import draw, progress, sheets, write
from tests.evaluate.test_scores import FOUR, Oracle, report


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_file_gets_aligned_columns() -> None:
    file = io.StringIO()
    write(report(*FOUR), file)
    lines = file.getvalue().splitlines()
    assert "accuracy                      0.7500" in lines
    assert "law -> health          1" in lines
    assert "\x1b" not in file.getvalue()


def test_a_terminal_gets_drawn_tables() -> None:
    file = Terminal()
    write(report(*FOUR), file)
    assert "┃" in file.getvalue()
    assert "0.7500" in file.getvalue()


def test_a_perfect_report_has_no_table_of_confusions() -> None:
    titles = [sheet.title for sheet in sheets(report(("law 0.9 3", "law")))]
    assert titles == ["summary", "classes", "latency of one text, ms"]


def test_the_rows_pass_unchanged_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Row("a", "law"), Row("b", "law")]
    assert list(progress(rows)) == rows
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_progress_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    rows = [Row("a", "law"), Row("b", "law")]
    assert list(progress(rows)) == rows
    assert "evaluating" in terminal.getvalue()


def test_the_confusion_matrix_becomes_a_png(tmp_path: Path) -> None:
    path = tmp_path / "matrix.png"
    draw(evaluate(Oracle(), [Row(text, label) for text, label in FOUR]), path)
    assert path.read_bytes().startswith(b"\x89PNG")
