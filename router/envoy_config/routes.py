"""Envoy's routes: to the endpoint that the router chose, or to the default model's."""

from __future__ import annotations

import json
import re
from datetime import timedelta

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.type.matcher import v3 as matcher

from router.config import Config
from router.config.schema import VllmEndpoint
from router.envoy_config.fallback import FAILED_OPEN_KEY, use_default_model
from router.envoy_config.filters import fails_open, is_full_duplex, without_ext_proc
from router.envoy_config.limits import buffer_limit
from router.envoy_config.retries import retry_policy, stream_idle_timeout
from router.extproc.responses import COMPLETE_HEADER
from router.extproc.wire import METADATA_NAMESPACE
from router.flow import CONTROL_CHARACTERS, ENDPOINT_HEADER, MANAGEMENT_PATHS


def _metadata(key: str) -> str:
    return f"%DYNAMIC_METADATA({METADATA_NAMESPACE}:{key})%"


# Response headers and what they show. One that has nothing to show is not there.
RESPONSE_HEADERS = {
    "x-vsr-selected-category": _metadata("category"),
    "x-vsr-selected-decision": _metadata("decision"),
    "x-vsr-selected-confidence": _metadata("confidence"),
    "x-vsr-selected-reasoning": _metadata("reasoning"),
    "x-vsr-selected-model": _metadata("model"),
    "x-vsr-injected-system-prompt": _metadata("injected_system_prompt"),
    # The router had no part in the answer: it was down or late, and requests may pass without it.
    "x-vsr-failed-open": _metadata(FAILED_OPEN_KEY),
}


def route_configuration(config: Config) -> route.RouteConfiguration:
    """All routes, with the response headers that tell what was decided."""
    return route.RouteConfiguration(
        name="inference",
        virtual_hosts=[_virtual_host(config)],
        internal_only_headers=[ENDPOINT_HEADER, COMPLETE_HEADER],
        # Where a request was sent is no business of the server that it was sent to.
        request_headers_to_remove=[ENDPOINT_HEADER, COMPLETE_HEADER],
        response_headers_to_add=[_header(name, value) for name, value in RESPONSE_HEADERS.items()],
        # A backend has no say in them, also where there is nothing to add.
        response_headers_to_remove=list(RESPONSE_HEADERS),
        # The clusters come from a file of their own, later than the routes.
        validate_clusters=False,
    )


def _header(name: str, value: str) -> core.HeaderValueOption:
    return core.HeaderValueOption(
        header=core.HeaderValue(key=name, value=value),
        append_action=core.HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    )


def _virtual_host(config: Config) -> route.VirtualHost:
    return route.VirtualHost(
        name="inference",
        domains=["*"],
        routes=[_health(), *_refusals(), *_selected(config), _fallback(config)],
        request_body_buffer_limit=buffer_limit(config),
        retry_policy=retry_policy(config.envoy, retries=not is_full_duplex(config)),
    )


def _health() -> route.Route:
    return route.Route(
        name="health",
        match=route.RouteMatch(path="/healthz"),
        direct_response=route.DirectResponseAction(
            status=200, body=core.DataSource(inline_string="ok")
        ),
        typed_per_filter_config=without_ext_proc(),
    )


def _refusals() -> list[route.Route]:
    """What the router refuses by its path, refused here too: it may be down, and passed by."""
    management = "|".join(re.escape(path) for path in sorted(MANAGEMENT_PATHS))
    return [
        _refusal("control-characters", f"(?i).*{CONTROL_CHARACTERS.pattern}.*", 400, "bad_request"),
        _refusal("management", f"(?i)(?:{management})/*", 403, "forbidden"),
    ]


def _refusal(name: str, regex: str, status: int, code: str) -> route.Route:
    error = {
        "message": "this path is not for clients",
        "type": "invalid_request_error",
        "param": None,
        "code": code,
    }
    return route.Route(
        name=name,
        match=route.RouteMatch(safe_regex=matcher.RegexMatcher(regex=regex)),
        direct_response=route.DirectResponseAction(
            status=status, body=core.DataSource(inline_string=json.dumps({"error": error}))
        ),
        response_headers_to_add=[_header("content-type", "application/json")],
        typed_per_filter_config=without_ext_proc(),
    )


def _selected(config: Config) -> list[route.Route]:
    """To the endpoint that the router chose; in full duplex what is complete may be tried again.

    A retry policy on a request with trailers would make Envoy 1.40 send its body twice.
    """
    plain = _to_endpoint(config, "selected", ENDPOINT_HEADER)
    if not is_full_duplex(config):
        return [plain]
    complete = _to_endpoint(config, "selected-complete", ENDPOINT_HEADER, COMPLETE_HEADER)
    assert complete.route is not None
    complete.route.retry_policy = retry_policy(config.envoy, retries=True)
    return [complete, plain]


def _to_endpoint(config: Config, name: str, *headers: str) -> route.Route:
    """Where all of `headers` are present."""
    present = [route.HeaderMatcher(name=header, present_match=True) for header in headers]
    action = _action(config)
    action.cluster_header = ENDPOINT_HEADER
    action.cluster_not_found_response_code = (
        route.RouteActionClusterNotFoundResponseCode.SERVICE_UNAVAILABLE
    )
    match = route.RouteMatch(prefix="/", headers=present)
    return route.Route(name=name, match=match, route=action)


def _fallback(config: Config) -> route.Route:
    """What the router has no part in: it is down, and requests may pass without it."""
    action = _action(config)
    endpoints = default_endpoints(config)
    if len(endpoints) == 1:
        action.cluster = endpoints[0].name
    else:
        action.weighted_clusters = route.WeightedCluster(
            clusters=[
                route.WeightedClusterClusterWeight(name=endpoint.name, weight=endpoint.weight)
                for endpoint in endpoints
            ]
        )
    return route.Route(
        name="fallback",
        match=route.RouteMatch(prefix="/"),
        route=action,
        typed_per_filter_config=use_default_model(config) if fails_open(config) else {},
    )


def default_endpoints(config: Config) -> tuple[VllmEndpoint, ...]:
    """The default model's endpoints that take requests; its first where none has a weight."""
    bases = (
        name
        for name, model in config.models.items()
        if config.default_model in (name, *(lora.name for lora in model.loras))
    )
    endpoints = config.endpoints_of(next(bases))
    return tuple(endpoint for endpoint in endpoints if endpoint.weight) or endpoints[:1]


def _action(config: Config) -> route.RouteAction:
    """The timeouts of an answer that may come token by token for minutes: no limit in total."""
    return route.RouteAction(
        timeout=timedelta(0),
        idle_timeout=stream_idle_timeout(config.envoy),
        max_stream_duration=route.RouteActionMaxStreamDuration(
            max_stream_duration=timedelta(seconds=config.envoy.max_stream_seconds)
        ),
    )
