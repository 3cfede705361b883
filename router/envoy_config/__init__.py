"""A configuration as Envoy reads it: a bootstrap (`envoy.yaml`) and its clusters (`cds.yaml`).

Knows Envoy's API through `envoy-data-plane`, which takes half a second to import and is imported
when a file is rendered, not before. Leaves running Envoy to whoever runs it.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from router.config import Config

BOOTSTRAP_FILE = "envoy.yaml"
CLUSTERS_FILE = "cds.yaml"


def render(config: Config, directory: Path = Path("envoy")) -> dict[str, str]:
    """The text of every file by its name, as they will lie in `directory`.

    The bootstrap names the clusters' file by `directory`: a relative one is read from the directory
    that Envoy is started in. Raises ConfigError where Envoy cannot listen on a configured address.
    """
    from router.envoy_config.bootstrap import bootstrap
    from router.envoy_config.document import dump

    clusters = directory / CLUSTERS_FILE
    return {
        BOOTSTRAP_FILE: dump(bootstrap(config, clusters), about=_about_bootstrap(clusters)),
        CLUSTERS_FILE: _render_clusters(config),
    }


def write(config: Config, directory: Path) -> list[Path]:
    """Write every file into `directory`; a running Envoy takes new clusters over at once."""
    directory.mkdir(parents=True, exist_ok=True)
    texts = render(config, directory)
    # The clusters first: a bootstrap must never name a file that is not there yet.
    return [_replace(directory / name, texts[name]) for name in reversed(texts)]


def write_clusters(config: Config, directory: Path, *, besides: Config | None = None) -> Path:
    """Write the clusters alone; a running Envoy takes them over at once.

    `besides` is the configuration before: its clusters that `config` no longer has stay as they
    were. Requests are still on their way to them; once those are over, write again without it.

    Nothing but a rename makes Envoy look, and it takes parts even of a file that it rejects: the
    file is whole and on the disk before that. Raises OSError where it cannot be written; the file
    before then stays.
    """
    return _replace(directory / CLUSTERS_FILE, _render_clusters(config, besides))


def _render_clusters(config: Config, besides: Config | None = None) -> str:
    from router.envoy_config.clusters import endpoint_clusters
    from router.envoy_config.document import dump_resources

    clusters = endpoint_clusters(config)
    names = {cluster.name for cluster in clusters}
    before = endpoint_clusters(besides) if besides else []
    leaving = [cluster for cluster in before if cluster.name not in names]
    return dump_resources([*clusters, *leaving], about=_ABOUT_CLUSTERS)


def _replace(path: Path, text: str) -> Path:
    """Put `text` at `path` in one step: Envoy acts on renames and must never read half a file."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            # Or a machine that loses its power may come back with the new name and no content.
            os.fsync(descriptor)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _about_bootstrap(clusters: Path) -> str:
    start = f"envoy -c {clusters.with_name(BOOTSTRAP_FILE)}"
    note = "" if clusters.is_absolute() else ", in the directory that the paths below start from"
    return f"Envoy's bootstrap, written by `lora-router envoy`.\nStart it with: {start}{note}"


_ABOUT_CLUSTERS = (
    "One Envoy cluster for each endpoint, written by `lora-router envoy`.\n"
    "Envoy watches this file. Replace it by a rename, never by writing into it."
)
