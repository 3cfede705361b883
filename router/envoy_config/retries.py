"""What Envoy does with a request that an endpoint does not answer, and how long it waits.

Nothing is tried again once the first byte of an answer is there. Before that another endpoint gets
the request when the connection is refused or breaks, when nothing comes in time, on 502 and 503,
and on 404, which a vLLM answers that does not have the adapter any more. Not on 500, which a prompt
may cause; not on 504, whose work may go on; not on the rest of 4xx.
"""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.retry.host.previous_hosts import v3 as previous_hosts
from envoy_data_plane.envoy.extensions.retry.priority.previous_priorities import (
    v3 as previous_priorities,
)

from router.config.process import EnvoySettings
from router.envoy_config.document import pack

_RETRY_ON = "connect-failure,refused-stream,reset,retriable-status-codes"
_STATUSES = (404, 502, 503)
_PREVIOUS_HOSTS = "envoy.retry_host_predicates.previous_hosts"
_PREVIOUS_PRIORITIES = "envoy.retry_priorities.previous_priorities"
# A limit that only ends what another one should have ended comes after it.
_SLACK = timedelta(seconds=10)


def retry_policy(envoy: EnvoySettings, *, retries: bool) -> route.RetryPolicy:
    """How often and where, and the time that one attempt has; without `retries` only the time."""
    attempts = envoy.retries if retries else 0
    return route.RetryPolicy(
        retry_on=_RETRY_ON if attempts else "",
        retriable_status_codes=list(_STATUSES) if attempts else [],
        num_retries=attempts,
        # Ends with the first byte: it does not cut streams.
        per_try_timeout=timedelta(seconds=envoy.first_byte_timeout_seconds),
        retry_back_off=route.RetryPolicyRetryBackOff(
            base_interval=timedelta(milliseconds=25), max_interval=timedelta(milliseconds=250)
        ),
        retry_host_predicate=[
            route.RetryPolicyRetryHostPredicate(
                name=_PREVIOUS_HOSTS, typed_config=pack(previous_hosts.PreviousHostsPredicate())
            )
        ],
        host_selection_retry_max_attempts=5,
        # A server at the first priority that seems healthy would be asked again and again.
        retry_priority=route.RetryPolicyRetryPriority(
            name=_PREVIOUS_PRIORITIES,
            typed_config=pack(previous_priorities.PreviousPrioritiesConfig(update_frequency=1)),
        ),
    )


def stream_idle_timeout(envoy: EnvoySettings) -> timedelta:
    """The longest silence on a request. Its clock does not start anew with an attempt, so that it
    leaves time for all of them.

    An idle timeout for each attempt would be no help: Envoy 1.40 drops it for good when the time
    for the first byte is over, also where an answer goes on.
    """
    attempts = (envoy.retries + 1) * envoy.first_byte_timeout_seconds
    return timedelta(seconds=max(envoy.idle_timeout_seconds, attempts)) + _SLACK
