"""Rendered configurations, read back as plain YAML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.config import Config, load
from router.config.decisions import DecisionSettings
from router.config.schema import VllmEndpoint
from router.envoy_config import render

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Rendered:
    """A bootstrap and its clusters."""

    bootstrap: dict[str, Any]
    clusters: dict[str, dict[str, Any]]

    @property
    def manager(self) -> dict[str, Any]:
        """The HTTP connection manager."""
        (listener,) = self.bootstrap["static_resources"]["listeners"]
        settings: dict[str, Any] = listener["filter_chains"][0]["filters"][0]["typed_config"]
        return settings

    @property
    def filters(self) -> dict[str, dict[str, Any]]:
        """The HTTP filters by name, in their order."""
        return {entry["name"]: entry["typed_config"] for entry in self.manager["http_filters"]}

    @property
    def ext_proc(self) -> dict[str, Any]:
        return self.filters["envoy.filters.http.ext_proc"]

    @property
    def host(self) -> dict[str, Any]:
        """The virtual host."""
        (host,) = self.manager["route_config"]["virtual_hosts"]
        found: dict[str, Any] = host
        return found

    @property
    def routes(self) -> dict[str, dict[str, Any]]:
        return {route["name"]: route for route in self.host["routes"]}

    @property
    def router(self) -> dict[str, Any]:
        """The router's own cluster."""
        (cluster,) = self.bootstrap["static_resources"]["clusters"]
        found: dict[str, Any] = cluster
        return found


def rendered(config: Config, directory: Path = Path("envoy")) -> Rendered:
    texts = render(config, directory)
    clusters = yaml.safe_load(texts["cds.yaml"])["resources"]
    return Rendered(
        yaml.safe_load(texts["envoy.yaml"]), {cluster["name"]: cluster for cluster in clusters}
    )


def changed(config: Config, section: str, **values: object) -> Config:
    """`config` with other values in one of its sections."""
    part = getattr(config, section).model_copy(update=values)
    return config.model_copy(update={section: part})


def with_endpoints(config: Config, *endpoints: VllmEndpoint) -> Config:
    """`config` with these endpoints, all of them the default model's."""
    model = config.models["llama2-7b"].model_copy(update={"preferred_endpoints": ()})
    models = {**config.models, "llama2-7b": model}
    return config.model_copy(update={"vllm_endpoints": endpoints, "models": models})


def changing_headers(config: Config, **settings: object) -> Config:
    """`config` with a decision that changes headers."""
    decision = DecisionSettings.model_validate(
        {
            "name": "team",
            "modelRefs": [{"model": "llama2-7b"}],
            "plugins": [{"type": "header_mutation", "configuration": settings}],
        }
    )
    return config.model_copy(update={"decisions": (decision,)})


def endpoint(name: str, address: str = "10.0.0.7", weight: int = 1) -> VllmEndpoint:
    return VllmEndpoint(name=name, address=address, port=8000, weight=weight)


@pytest.fixture(scope="session")
def config() -> Config:
    """`config/config.yaml`, whose model files need not be there."""
    return load(ROOT / "config/config.yaml", check_files=False).config
