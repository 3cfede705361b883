"""The demo: every row right, faults told, nothing left behind."""

from __future__ import annotations

import asyncio
import io
import signal
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from rich.console import Console

from router.demo import QUERIES, run

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parent.parent


def recorder() -> Console:
    return Console(file=io.StringIO(), width=140)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("name", ["config.yaml", "config.zh.yaml"])
async def test_every_row_is_right(name: str) -> None:
    console = recorder()
    status = await run(ROOT / "config" / name, serve=False, console=console)
    assert f"{len(QUERIES)} of {len(QUERIES)} rows are right" in written(console)
    assert status == 0


async def test_a_row_that_is_wrong_says_what_was_found_and_expected(tmp_path: Path) -> None:
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config["classifier"]["category_model"] |= {
        "model_id": str(ROOT / "models/mom-domain-classifier"),
        "category_mapping_path": str(ROOT / "models/mom-domain-classifier/category_mapping.json"),
        "threshold": 1.0,
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    console = recorder()
    assert await run(path, serve=False, console=console) == 1
    text = " ".join(written(console).split())
    assert "model at the backend: found 'llama2-7b', expected 'medical-lora'" in text
    assert "1 of 10 rows are right" in text


async def test_ctrl_c_ends_a_demo_that_was_left_running() -> None:
    command = [sys.executable, "-m", "router.demo", "--serve"]
    demo = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # Whoever runs the tests in the background has Ctrl-C ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert demo.stdout is not None
    try:
        async with asyncio.timeout(60):
            await demo.stdout.readuntil(b"Ctrl-C")
            children = psutil.Process(demo.pid).children(recursive=True)
            demo.send_signal(signal.SIGINT)
            _, errors = await demo.communicate()
    finally:
        if demo.returncode is None:
            demo.kill()
    assert (demo.returncode, errors) == (0, b"")
    assert len(children) == 2
    assert not [child for child in children if child.is_running()]
