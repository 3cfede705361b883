"""The files as a whole: checked in, written in one step, and good enough for Envoy itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from router.config import Config
from router.config.decisions import ModelSelection
from router.envoy_config import render, write, write_clusters
from router.testing.envoy import envoy_binary
from tests.envoy_config.conftest import (
    ROOT,
    changed,
    changing_headers,
    endpoint,
    with_endpoints,
)


def test_the_checked_in_files_are_what_the_configuration_says(config: Config) -> None:
    texts = render(config, Path("envoy"))
    assert {name: (ROOT / "envoy" / name).read_text() for name in texts} == texts, "make envoy"


def test_files_are_replaced_in_one_step(config: Config, tmp_path: Path) -> None:
    written = write(config, tmp_path / "new")
    opened = written[0].open()
    write(config.model_copy(update={"on_error": "reject"}), tmp_path / "new")
    assert opened.read() == render(config, tmp_path / "new")["cds.yaml"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["cds.yaml", "envoy.yaml"]
    opened.close()


def test_a_file_that_cannot_be_written_leaves_nothing_behind(
    config: Config, tmp_path: Path
) -> None:
    (tmp_path / "cds.yaml").mkdir()
    with pytest.raises(OSError, match=r"cds\.yaml"):
        write(config, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cds.yaml"]


def clusters_in(path: Path) -> dict[str, str]:
    """The address of every cluster's own server, by the cluster's name."""
    return {
        cluster["name"]: cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"][
            "address"
        ]["socket_address"]["address"]
        for cluster in yaml.safe_load(path.read_text())["resources"]
    }


def test_clusters_are_written_without_the_bootstrap(config: Config, tmp_path: Path) -> None:
    written = write_clusters(config, tmp_path)
    assert written.read_text() == render(config, tmp_path)["cds.yaml"]
    assert list(tmp_path.iterdir()) == [written]


def test_the_clusters_of_the_configuration_before_stay_until_it_is_left_out(
    config: Config, tmp_path: Path
) -> None:
    before = with_endpoints(config, endpoint("a", "10.0.0.1"), endpoint("b", "10.0.0.2"))
    after = with_endpoints(config, endpoint("b", "10.0.0.3"), endpoint("c", "10.0.0.4"))
    both = clusters_in(write_clusters(after, tmp_path, besides=before))
    assert both == {"b": "10.0.0.3", "c": "10.0.0.4", "a": "10.0.0.1"}
    assert list(clusters_in(write_clusters(after, tmp_path))) == ["b", "c"]


def test_a_file_is_on_the_disk_before_it_takes_its_name(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def look(descriptor: int) -> None:
        seen.append((os.fstat(descriptor).st_size, (tmp_path / "cds.yaml").exists()))

    monkeypatch.setattr(os, "fsync", look)
    write_clusters(config, tmp_path)
    assert seen == [(len(render(config)["cds.yaml"].encode()), False)]


def test_every_user_may_read_the_files(config: Config, tmp_path: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in write(config, tmp_path)} == {0o644}


def test_envoys_types_are_not_imported_before_they_are_needed() -> None:
    code = "import sys, router.envoy_config; print('envoy_data_plane' in sys.modules)"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"


VARIANTS = {
    "as it is": lambda config: config,
    "reject": lambda config: config.model_copy(update={"on_error": "reject"}),
    "full duplex": lambda c: changed(c, "server", body_mode="FULL_DUPLEX_STREAMED"),
    "unix socket": lambda config: changed(config, "server", extproc="unix:/run/router.sock"),
    "router by name": lambda c: changed(c, "envoy", extproc_address="router.internal:50051"),
    "ipv6": lambda config: with_endpoints(
        changed(config, "envoy", listen="[::]:8080", admin="[::1]:19000"),
        endpoint("six", "2001:db8::7"),
    ),
    "host name": lambda config: with_endpoints(config, endpoint("named", "vllm.internal")),
    "no retries": lambda config: changed(config, "envoy", retries=0),
    "headers read and changed": lambda config: changing_headers(
        config.model_copy(
            update={"model_selection": ModelSelection(sticky_key="header:x-odd!#$%&'*+.^_`|~1")}
        ),
        add=[{"name": "x-odd!#$%&'*+.^_`|~2", "value": "1"}],
        delete=["authorization", *(f"x-one-of-many-long-names-{n}" for n in range(50))],
    ),
    "50 endpoints": lambda config: with_endpoints(
        config, *(endpoint(f"vllm-{n}", f"10.0.0.{n}") for n in range(50))
    ),
    "odd names": lambda config: config.model_copy(
        update={"auto_model_name": 'a"b\\c%1 ]=] 模型', "default_model": "llama2-7b"}
    ),
}


@pytest.mark.e2e
@pytest.mark.parametrize("change", VARIANTS.values(), ids=VARIANTS.keys())
def test_envoy_accepts_the_files(config: Config, tmp_path: Path, change: object) -> None:
    assert callable(change)
    clusters, bootstrap = write(change(config), tmp_path)
    # It checks the clusters only where they are part of the bootstrap.
    whole = yaml.safe_load(bootstrap.read_text())
    for cluster in yaml.safe_load(clusters.read_text())["resources"]:
        whole["static_resources"]["clusters"].append(
            {key: value for key, value in cluster.items() if key != "@type"}
        )
    bootstrap.write_text(yaml.safe_dump(whole))
    command = [envoy_binary(), "--mode", "validate", "-c", str(tmp_path / "envoy.yaml")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "deprecated" not in result.stderr.lower()


@pytest.mark.e2e
def test_relative_files_are_found_from_where_envoy_is_started(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(config, Path("envoy"))
    command = [envoy_binary(), "--mode", "validate", "-c", "envoy/envoy.yaml"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
