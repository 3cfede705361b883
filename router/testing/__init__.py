"""Test doubles and harnesses, for this project's tests and for yours.

    FakeBackend     an OpenAI-compatible server that knows one base model and its adapters
    FakeEncoder     an encoder that looks its answers up in a table
    FakeEnvoy       an ext_proc client: shows the router a request, tells what became of it
    InlineRouter    the router's ext_proc service in this process, on any encoder
    RealEnvoy       the Envoy binary on a generated configuration
    RouterProcess   `lora-router serve` as a process of its own
    on_free_ports   a configuration whose servers all listen on free ports of this machine

`RealEnvoy` needs the `demo` extra, which brings the binary; the others need nothing more.
"""

from __future__ import annotations

from router.testing.backend import FakeBackend, Received
from router.testing.encoder import FakeEncoder
from router.testing.envoy import RealEnvoy
from router.testing.fake_envoy import FakeEnvoy, Outcome
from router.testing.inline_router import InlineRouter
from router.testing.ports import free_port, on_free_ports
from router.testing.processes import ManagedProcess
from router.testing.router_process import RouterProcess

__all__ = [
    "FakeBackend",
    "FakeEncoder",
    "FakeEnvoy",
    "InlineRouter",
    "ManagedProcess",
    "Outcome",
    "RealEnvoy",
    "Received",
    "RouterProcess",
    "free_port",
    "on_free_ports",
]
