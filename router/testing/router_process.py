"""`lora-router serve` as a process of its own, on a configuration written to a file."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType

import aiohttp
import yaml

from router.config import Config
from router.testing.processes import ManagedProcess


def write_config(config: Config, path: Path) -> Path:
    """`config` as a file that `lora-router` reads."""
    values = config.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    path.write_text(yaml.safe_dump(values, allow_unicode=True, sort_keys=False))
    return path


class RouterProcess:
    """A running router. Use it as an async context manager, or start, kill and stop it by hand.

    `options` are more words of the command line.
    """

    def __init__(self, config: Config, directory: Path, *options: str) -> None:
        self.config = config
        path = write_config(config, directory / "config.yaml")
        command = [sys.executable, "-m", "router", "serve", "-c", str(path), *options]
        self.process = ManagedProcess(command, directory / "router.log")

    async def __aenter__(self) -> RouterProcess:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.process.stop()

    async def start(self) -> None:
        """Start it and wait until it takes requests."""
        await self.process.start()
        try:
            await self.process.until(self.ready)
        except BaseException:
            await self.process.stop()
            raise

    async def ready(self) -> bool:
        """Whether it says that it takes requests."""
        url = f"http://{self.config.server.admin}/ready"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError):
            return False
