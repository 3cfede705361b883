"""The command from outside: a model directory and a file in, figures and an exit status out."""

from __future__ import annotations

import argparse
import importlib.util
import json
from pathlib import Path

import pytest

from router import evaluate
from router.errors import ModelFilesError
from tests.encoder.tiny import Recipe, write_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    directory = tmp_path / "model"
    write_model(directory, Recipe())
    return directory


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    rows = [("doctor", "health"), ("court", "law"), ("hello", "other"), ("pill", "law")]
    path.write_text("".join(json.dumps({"text": t, "label": n}) + "\n" for t, n in rows))
    return path


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    return evaluate.main(parser.parse_args([str(argument) for argument in arguments]))


def test_json_holds_every_figure(
    model: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--model", model, data, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"] == 0.75
    assert found["confusions"] == [{"label": "law", "predicted": "health", "count": 1}]
    assert found["latencies"][0]["count"] == 4


def test_tables_are_written_without_json(
    model: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--model", model, data) == 0
    output = capsys.readouterr()
    assert "law -> health" in output.out
    assert output.err == ""


def test_the_plot_is_written_where_asked(model: Path, data: Path, tmp_path: Path) -> None:
    assert run("--model", model, data, "--plot", tmp_path / "out.png") == 0
    assert (tmp_path / "out.png").stat().st_size > 1000


def test_a_plot_without_matplotlib_is_refused_before_any_work(
    model: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert run("--model", model, data, "--plot", "out.png") == 2
    assert capsys.readouterr() == ("", "--plot needs matplotlib; install lora-router[plot]\n")


def test_bad_rows_are_listed_with_their_lines_and_nothing_is_measured(
    model: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with data.open("a") as file:
        file.write('{"text": "x", "label": "laws"}\nbroken\n')
    assert run("--model", model, data) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert [line.split(": ")[0] for line in output.err.splitlines()] == [f"{data}:5", f"{data}:6"]


def test_a_sentence_encoder_is_refused(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_model(tmp_path / "bare", Recipe(outputs=("embedding",), bare=True))
    assert run("--model", tmp_path / "bare", data) == 2
    assert "without labels" in capsys.readouterr().err


def test_a_missing_model_is_named(tmp_path: Path, data: Path) -> None:
    with pytest.raises(ModelFilesError, match="no such directory"):
        run("--model", tmp_path / "absent", data)


def test_bounds_are_the_commands(
    model: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data.write_text('{"text": "court court court court", "label": "law"}\n')
    assert run("--model", model, data, "--json", "--head-tokens", 3, "--tail-tokens", 1) == 0
    assert json.loads(capsys.readouterr().out)["truncated"] == 1
