"""Envoy's bootstrap: admin interface, overload protection, and where the other parts come from."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from envoy_data_plane.envoy.config.bootstrap import v3 as bootstrap_v3
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.overload import v3 as overload
from envoy_data_plane.envoy.extensions.resource_monitors.downstream_connections import (
    v3 as downstream_connections,
)
from envoy_data_plane.envoy.extensions.resource_monitors.fixed_heap import v3 as fixed_heap
from envoy_data_plane.google.protobuf import Struct

from router.config import Config
from router.envoy_config.addresses import listening
from router.envoy_config.clusters import router_cluster
from router.envoy_config.document import pack
from router.envoy_config.limits import buffer_limit
from router.envoy_config.listener import inference_listener

_HEAP = "envoy.resource_monitors.fixed_heap"
_CONNECTIONS = "envoy.resource_monitors.global_downstream_max_connections"
_MAX_CONNECTIONS = 20_000
_MIN_HEAP_BYTES = 2 * 1024**3
# The heap holds this many of the largest bodies before Envoy defends itself.
_LARGEST_BODIES = 32
# The headers that decisions change stand in one regular expression, and two names may exceed the
# 100 instructions that Envoy allows such a one by default. They come from the operator's own file.
_REGEX_INSTRUCTIONS = 100_000


def bootstrap(config: Config, clusters: Path) -> bootstrap_v3.Bootstrap:
    """The whole bootstrap; Envoy reads the endpoints' clusters from the file `clusters`."""
    return bootstrap_v3.Bootstrap(
        node=core.Node(id="lora-router", cluster="lora-router"),
        admin=bootstrap_v3.Admin(address=listening(config.envoy.admin, "envoy.admin")),
        dynamic_resources=bootstrap_v3.BootstrapDynamicResources(cds_config=_watched(clusters)),
        static_resources=bootstrap_v3.BootstrapStaticResources(
            listeners=[inference_listener(config)], clusters=[router_cluster(config)]
        ),
        overload_manager=_overload_manager(config),
        layered_runtime=_runtime(),
    )


def _runtime() -> bootstrap_v3.LayeredRuntime:
    limits = {
        "re2.max_program_size.error_level": _REGEX_INSTRUCTIONS,
        "re2.max_program_size.warn_level": _REGEX_INSTRUCTIONS,
    }
    layer = bootstrap_v3.RuntimeLayer(name="limits", static_layer=Struct.from_dict(dict(limits)))
    return bootstrap_v3.LayeredRuntime(layers=[layer])


def _watched(path: Path) -> core.ConfigSource:
    return core.ConfigSource(
        resource_api_version=core.ApiVersion.V3,
        path_config_source=core.PathConfigSource(
            path=str(path), watched_directory=core.WatchedDirectory(path=str(path.parent))
        ),
    )


def _overload_manager(config: Config) -> overload.OverloadManager:
    return overload.OverloadManager(
        refresh_interval=timedelta(milliseconds=250),
        # Streams are accounted for from 1 MiB on, so that the heaviest can be reset first.
        buffer_factory_config=overload.BufferFactoryConfig(
            minimum_account_to_track_power_of_two=20
        ),
        resource_monitors=_resource_monitors(config),
        actions=[
            _action("shrink_heap", overload.Trigger(threshold=_above(0.90))),
            _action("reset_high_memory_stream", overload.Trigger(scaled=_between(0.85, 0.95))),
            _action("stop_accepting_requests", overload.Trigger(threshold=_above(0.97))),
        ],
    )


def _resource_monitors(config: Config) -> list[overload.ResourceMonitor]:
    heap = max(_MIN_HEAP_BYTES, _LARGEST_BODIES * buffer_limit(config))
    connections = downstream_connections.DownstreamConnectionsConfig(
        max_active_downstream_connections=_MAX_CONNECTIONS
    )
    return [
        overload.ResourceMonitor(
            name=_HEAP,
            typed_config=pack(fixed_heap.FixedHeapConfig(max_heap_size_bytes=heap)),
        ),
        overload.ResourceMonitor(name=_CONNECTIONS, typed_config=pack(connections)),
    ]


def _above(value: float) -> overload.ThresholdTrigger:
    return overload.ThresholdTrigger(value=value)


def _between(scaling: float, saturation: float) -> overload.ScaledTrigger:
    return overload.ScaledTrigger(scaling_threshold=scaling, saturation_threshold=saturation)


def _action(name: str, trigger: overload.Trigger) -> overload.OverloadAction:
    trigger.name = _HEAP
    return overload.OverloadAction(name=f"envoy.overload_actions.{name}", triggers=[trigger])
