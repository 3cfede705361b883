"""The command line: what it prints and how it exits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from router import __version__
from router.cli import main

ROOT = Path(__file__).parent.parent
SEED = str(ROOT / "config" / "config.yaml")


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_check_accepts_the_shipped_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "check", SEED)
    assert status == 0
    assert "reasoning_family" in out  # the one warning: llama2 is no family


def test_check_lists_every_error_and_exits_with_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = Path(SEED).read_text().replace("port: 8000", "port: 80000")
    broken = tmp_path / "broken.yaml"
    broken.write_text(text.replace('lora_name: "legal-lora"', 'lora_name: "legal-lorra"'))
    status, out, _ = run(capsys, "check", str(broken))
    assert status == 2
    assert f"{broken}:" in out
    assert "vllm_endpoints[0].port" in out
    assert "legal-lora" in out


@pytest.mark.parametrize(
    ("prompt", "model"),
    [
        ("Explain async/await in JavaScript", "technical-lora"),
        ("解释 JavaScript 中的 async/await", "technical-lora"),
        ("What causes high blood pressure?", "medical-lora"),
        ("高血压的原因是什么？", "medical-lora"),
        ("What is the statute of limitations for breach of contract?", "legal-lora"),
        ("违约的诉讼时效是多久？", "legal-lora"),
        ("Tell me a joke about cats", "llama2-7b"),
    ],
)
def test_explain_shows_the_adapter_that_suits_a_prompt(
    capsys: pytest.CaptureFixture[str], prompt: str, model: str
) -> None:
    status, out, _ = run(capsys, "explain", "-c", SEED, prompt, "--json")
    account = json.loads(out)
    assert status == 0
    assert account["model"] == model
    assert account["reason"] == "auto_routing"
    assert account["confidence"] >= 0.6
    assert account["endpoint"] == "vllm-primary"
    assert account["signals"][0]["kind"] == "domain"


def test_explain_prints_text_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "explain", "-c", SEED, "What causes high blood pressure?")
    assert status == 0
    assert out.startswith("model       medical-lora\n")


def test_a_configuration_that_cannot_be_used_exits_with_2_and_no_traceback(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing = str(tmp_path / "nowhere.yaml")
    for command in (["serve", "-c"], ["explain", "x", "-c"], ["envoy", "-c"], ["check"]):
        status, out, err = run(capsys, *command, missing)
        assert status == 2
        assert missing in out + err
        assert "Traceback" not in err


def test_an_unknown_model_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "explain", "-c", SEED, "hello", "--model", "gpt-9")
    assert status == 1
    assert err == "lora-router: the model `gpt-9` does not exist\n"


def test_envoy_writes_its_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out, _ = run(capsys, "envoy", "-c", SEED, "-o", str(tmp_path / "made"))
    assert status == 0
    assert {path.name for path in (tmp_path / "made").iterdir()} >= {"envoy.yaml", "cds.yaml"}
    assert "envoy.yaml" in out


def test_a_command_is_required_and_help_names_them_all() -> None:
    command = [sys.executable, "-m", "router"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
    for name in ("serve", "check", "explain", "adapters", "envoy", "evaluate"):
        assert name in shown


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"lora-router {__version__}\n"
