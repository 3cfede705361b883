"""How Envoy finds out that an endpoint or the router is down, and up again.

Endpoints are asked for their health, and watched by what becomes of requests: the one finds what
does not answer at all, within seconds; the other what answers its health check and nothing else,
after three requests. Neither cuts an answer that goes on.
"""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.type import v3 as envoy_type

from router.config.process import HealthCheckSettings

_EXT_PROC_SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"


def endpoint_health_check(settings: HealthCheckSettings) -> core.HealthCheck:
    """The question to an endpoint."""
    interval = timedelta(milliseconds=settings.interval_ms)
    return core.HealthCheck(
        interval=interval,
        timeout=timedelta(milliseconds=settings.timeout_ms),
        unhealthy_threshold=settings.failures,
        # One good answer is enough: what comes back is used again at once.
        healthy_threshold=1,
        unhealthy_interval=interval,
        # Until the first request Envoy would ask only once a minute.
        no_traffic_interval=interval,
        http_health_check=core.HealthCheckHttpHealthCheck(path=settings.path),
    )


def outlier_detection() -> cluster.OutlierDetection:
    """Three failures in a row (refused, reset, no first byte in time, 502 to 504) put an endpoint
    aside for one to four seconds. All of the defaults would make that minutes, or never.

    The failures are counted together. Counted apart by their origin, each opened connection would
    count as a success, and a frozen endpoint, whose kernel opens them, would stay.
    """
    return cluster.OutlierDetection(
        interval=timedelta(milliseconds=500),
        base_ejection_time=timedelta(seconds=1),
        max_ejection_time=timedelta(seconds=4),
        max_ejection_percent=100,
        consecutive_gateway_failure=3,
        enforcing_consecutive_gateway_failure=100,
        # A prompt can make a sound endpoint answer 500.
        enforcing_consecutive_5xx=0,
        enforcing_success_rate=0,
    )


def router_health_check() -> core.HealthCheck:
    """The question to the router."""
    soon = timedelta(milliseconds=250)
    return core.HealthCheck(
        timeout=timedelta(seconds=1),
        interval=timedelta(seconds=1),
        # A router that has just started is found soon.
        unhealthy_interval=soon,
        # Until the first request Envoy would look only once a minute.
        no_traffic_interval=soon,
        no_traffic_healthy_interval=timedelta(seconds=1),
        unhealthy_threshold=2,
        healthy_threshold=1,
        grpc_health_check=core.HealthCheckGrpcHealthCheck(service_name=_EXT_PROC_SERVICE),
    )


def balanced_by_health() -> cluster.ClusterCommonLbConfig:
    """What is down gets nothing, even where nothing else is up, and every worker knows at once."""
    return cluster.ClusterCommonLbConfig(
        # Without it Envoy would send to all of them once half of them are down.
        healthy_panic_threshold=envoy_type.Percent(value=0.0),
        # By default all changes but the first in a second wait for its end.
        update_merge_window=timedelta(0),
    )
