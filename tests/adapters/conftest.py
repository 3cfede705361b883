"""Two servers, a configuration that names them, and the command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from router.cli import main
from tests.adapters.vllm import Vllm

CONFIG = """
vllm_endpoints:
  - {{name: vllm-a, address: 127.0.0.1, port: {a}}}
  - {{name: vllm-b, address: 127.0.0.1, port: {b}}}
model_config:
  llama:
    loras: [{{name: legal-lora}}, {{name: medical-lora}}]
  qwen:
    preferred_endpoints: [vllm-b]
    loras: [{{name: code-lora}}]
default_model: llama
live_view:
  headers: {{authorization: Bearer s3cret-key}}
"""

Run = Callable[..., Awaitable[tuple[int, str, str]]]
Amend = Callable[[str, str], None]


@pytest.fixture
async def a() -> AsyncIterator[Vllm]:
    server = Vllm(adapters={"legal-lora": "/l", "medical-lora": "/m"})
    runner = await server.start()
    yield server
    server.gate.set()
    await runner.cleanup()


@pytest.fixture
async def b() -> AsyncIterator[Vllm]:
    adapters = {"legal-lora": "/l", "medical-lora": "/m", "code-lora": "/c"}
    server = Vllm(bases=("llama", "qwen"), adapters=adapters)
    runner = await server.start()
    yield server
    server.gate.set()
    await runner.cleanup()


@pytest.fixture
def config(tmp_path: Path, a: Vllm, b: Vllm) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(a=a.port, b=b.port))
    return path


@pytest.fixture
def amend(config: Path) -> Amend:
    """Replace what stands in the configuration; the end of the file where that is nothing."""

    def amend(old: str, new: str) -> None:
        text = config.read_text()
        assert old in text
        config.write_text(text.replace(old, new) if old else text + new)

    return amend


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`lora-router adapters …`: its exit status and what it printed. Runs beside the servers."""

    def command(arguments: tuple[str, ...]) -> int:
        try:
            return main(["adapters", *arguments, "-c", str(config)])
        except SystemExit as exit_:  # argparse refuses a command line this way
            return int(exit_.code or 0)

    async def run(*arguments: str) -> tuple[int, str, str]:
        status = await asyncio.to_thread(command, arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run
