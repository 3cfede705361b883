from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("section", "line"),
    [
        (
            "server: {extproc: 50051}",
            "server.extproc: found 50051, expected text; put it in quotes",
        ),
        (
            "server: {extproc: localhost}",
            (
                "server.extproc: found 'localhost', expected host:port with a port from 1 to "
                "65535, such as 127.0.0.1:9190"
            ),
        ),
        (
            "server: {body_mode: STREAMED}",
            ("server.body_mode: found 'STREAMED', expected one of BUFFERED, FULL_DUPLEX_STREAMED"),
        ),
        (
            "server: {max_body_bytes: 10}",
            "server.max_body_bytes: found 10, expected at least 1024",
        ),
        (
            "envoy: {idle_timeout_seconds: 0}",
            "envoy.idle_timeout_seconds: found 0, expected more than 0.0",
        ),
        (
            "envoy: {first_byte_timeout_seconds: -1}",
            "envoy.first_byte_timeout_seconds: found -1, expected more than 0.0",
        ),
        (
            "envoy: {health_check: {path: health}}",
            (
                "envoy.health_check.path: found 'health', expected a path that begins with /, "
                "such as /health"
            ),
        ),
        (
            "envoy: {health_check: {path: /he alth}}",
            (
                "envoy.health_check.path: found '/he alth', expected a path that begins with /, "
                "such as /health"
            ),
        ),
        (
            "envoy: {health_check: {failures: 0}}",
            "envoy.health_check.failures: found 0, expected at least 1",
        ),
        ("envoy: {retries: 11}", "envoy.retries: found 11, expected at most 10"),
        (
            "envoy: {admin: unix:/x}",
            (
                "envoy.admin: found 'unix:/x', expected host:port with a port from 1 to 65535, "
                "such as 127.0.0.1:9190"
            ),
        ),
        (
            "logging: {level: warn}",
            (
                "logging.level: found 'warn', expected one of debug, info, warning, error; "
                "did you mean 'warning'?"
            ),
        ),
        (
            "logging: {include_prompt: no}",
            "logging.include_prompt: found 'no', expected true or false; write false",
        ),
    ],
)
def test_a_setting_of_the_process_that_cannot_be_is_refused(workspace, sound, section, line):
    [found] = workspace.check(sound + section)
    assert found.split(": ", 1)[1] == line


def test_every_setting_of_the_process_can_be_set(workspace, sound):
    text = """\
server:
  extproc: unix:/run/lora-router/extproc.sock
  admin: "[::1]:9190"
  max_body_bytes: 1048576
  body_mode: FULL_DUPLEX_STREAMED
  drain_seconds: 5
envoy:
  listen: 0.0.0.0:80
  admin: 127.0.0.1:1
  extproc_address: router:50051
  message_timeout_ms: 3000
  connect_timeout_ms: 250
  request_timeout_seconds: 10
  first_byte_timeout_seconds: 30
  idle_timeout_seconds: 0.5
  max_stream_seconds: 7200
  retries: 0
  health_check: {path: "/v1/models?x=1", interval_ms: 500, timeout_ms: 900, failures: 1}
  access_log: /var/log/envoy.log
logging: {level: debug, format: console, include_prompt: true}
"""
    assert workspace.check(sound + text) == []
