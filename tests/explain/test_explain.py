"""The command from outside: a configuration and something to ask in, text or JSON out."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog

from router.cli import main
from router.errors import RouterError
from router.holdings import Holdings

CONFIG = """
vllm_endpoints:
  - {name: vllm-a, address: 127.0.0.1, port: 8000}
model_config:
  llama2-7b:
    loras: [{name: us-lora}, {name: eu-lora}]
default_model: llama2-7b
keyword_rules:
  - {category: us-law, keywords: [US law, 美国法律]}
  - {category: eu-law, keywords: [EU law]}
signals:
  requests:
    - {name: gold, headers: {x-plan: gold}}
    - {name: bob, user: bob}
decisions:
  - name: golden
    rules: {type: request, name: gold}
    modelRefs: [{model: llama2-7b}]
  - name: bobs
    rules: {type: request, name: bob}
    modelRefs: [{model: llama2-7b}]
categories:
  - name: us-law
    model_scores: [{model: llama2-7b, lora_name: us-lora, score: 1.0}]
  - name: eu-law
    model_scores: [{model: llama2-7b, lora_name: eu-lora, score: 1.0}]
server: {max_body_bytes: 4096}
"""
NO_CREDENTIALS = "expected a header that carries no credentials: those never reach the router"
ASKED = "Is it legal under US law?"


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return str(path)


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(config: str, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["explain", "-c", config, *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    stdin = SimpleNamespace(buffer=io.BytesIO(text.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)


def test_a_prompt_is_explained_as_text(run: Run) -> None:
    status, out, err = run(ASKED)
    assert (status, err) == (0, "")
    assert out.startswith("model       us-lora\n")
    assert "keyword US law, start 18, end 24" in out


def test_a_prompt_is_explained_as_json(run: Run) -> None:
    status, out, err = run(ASKED, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["model"] == "us-lora"


@pytest.mark.parametrize(
    ("options", "decision"),
    [
        (["--header", "X-Plan=gold"], "golden"),
        (["--user", "bob"], "bobs"),
        (["--system", "Answer by EU law"], "us-law"),
        (["--model", "auto"], "us-law"),
        (["--model", "eu-lora"], None),
        (["--path", "/v1/embeddings"], None),
    ],
)
def test_whatever_goes_with_a_prompt_counts(
    run: Run, options: list[str], decision: str | None
) -> None:
    _, out, _ = run(ASKED, "--json", *options)
    assert json.loads(out)["decision"] == decision


def test_a_whole_body_is_explained(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"model": "MoM", "messages": [{"role": "user", "content": ASKED}], "user": "bob"}
    file = tmp_path / "body.json"
    file.write_text(json.dumps(body))
    assert json.loads(run("--body", str(file), "--json")[1])["decision"] == "bobs"
    typed(monkeypatch, json.dumps({"model": "MoM", "prompt": ASKED}))
    _, out, _ = run("--body", "-", "--path", "/v1/completions", "--json")
    assert (json.loads(out)["decision"], json.loads(out)["api"]) == ("us-law", "/v1/completions")


def test_a_file_of_prompts_becomes_a_table(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text(f"{ASKED}\n\n欧盟和美国法律有什么不同\nhello\n")
    status, out, err = run("--file", str(file))
    assert (status, err) == (0, "")
    rows = [line.split()[-6:] for line in out.splitlines()]
    assert rows[0][0] == "category"
    assert [row[2] for row in rows] == ["model", "us-lora", "us-lora", "llama2-7b"]


def test_a_file_of_prompts_becomes_a_line_of_json_each(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    rows = [{"text": ASKED}, {"text": "EU law", "model": "gpt-9"}, {"text": "a", "user": "bob"}]
    file.write_text("\n\n".join(map(json.dumps, rows)))
    status, out, err = run("--file", str(file), "--json")
    assert (status, err) == (0, "")
    accounts = [json.loads(line) for line in out.splitlines()]
    assert [account["line"] for account in accounts] == [1, 3, 5]
    assert [account["decision"] for account in accounts] == ["us-law", None, "bobs"]
    assert [account["status"] for account in accounts] == [None, 404, None]


def test_a_refused_row_is_a_row_with_its_error(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text('{"text": "a", "model": "gpt-9"}\n{"text": "EU law"}')
    status, out, _ = run("--file", str(file))
    assert status == 0
    assert "client_error: the model `gpt-9` does not exist" in out.splitlines()[1]
    assert "eu-lora" in out.splitlines()[2]


def test_a_refused_request_is_told_in_one_line(run: Run) -> None:
    refusal = "lora-router: the model `gpt-9` does not exist\n"
    assert run("hello", "--model", "gpt-9") == (1, "", refusal)
    status, out, err = run("hello", "--model", "gpt-9", "--json")
    assert (status, err, json.loads(out)["status"]) == (1, refusal, 404)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected a prompt, or --body, or --file"),
        (["a", "--file", "b"], "expected a prompt, or --body, or --file"),
        (["a", "--header", "x-plan"], "--header: expected NAME=VALUE"),
        (["a", "--header", "x-a=1", "--header", "X-A=2"], "--header: X-A is there twice"),
        (
            ["a", "--header", "cookie=secret"],
            f"headers: found 'cookie', {NO_CREDENTIALS}",
        ),
        (["a", "--model", ""], "model: expected 1 to 256 printable characters"),
        (["--body", "nowhere.json"], "nowhere.json: no such file or directory"),
        (["--body", ".", "--user", "bob"], ".: is a directory"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(
    run: Run, arguments: list[str], message: str
) -> None:
    assert run(*arguments) == (2, "", f"lora-router explain: {message}\n")


@pytest.mark.parametrize("body", ["", "{", "[]", '{"model": "MoM"}', '{"model": 3}'])
def test_a_body_that_is_none_is_told_in_one_line(
    run: Run, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, body)
    status, out, err = run("--body", "-")
    assert (status, out) == (2, "")
    assert err.startswith("lora-router explain: ")
    assert len(err.splitlines()) == 1


def test_a_file_with_bad_lines_is_refused_whole(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text('{"text": "fine"}\n{"text": 3}\n')
    complaint = f"{file}:2: expected `str`, got `int` - at `$.text`\n"
    assert run("--file", str(file)) == (2, "", complaint)


def test_a_configuration_that_cannot_be_used_is_told_first(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "-c", f"{config}.not", "hello"]) == 2
    assert f"{config}.not" in capsys.readouterr().err


def test_models_and_connections_are_closed_whatever_happens(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Holdings] = []

    async def close(self: Holdings) -> None:
        closed.append(self)

    async def fail(*_: object) -> None:
        raise RouterError("it broke")

    monkeypatch.setattr(Holdings, "close", close)
    assert run(ASKED)[0] == 0
    assert len(closed) == 1
    monkeypatch.setattr("router.explain.account.route", fail)
    assert run(ASKED) == (1, "", "lora-router: it broke\n")
    assert len(closed) == 2


def test_the_log_is_as_it_was_afterwards(run: Run) -> None:
    structlog.reset_defaults()
    before = structlog.get_config()
    run(ASKED)
    assert structlog.get_config() == before
    assert logging.root.manager.disable == logging.NOTSET
