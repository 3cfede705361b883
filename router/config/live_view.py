"""What endpoints are asked about themselves, and how often."""

from __future__ import annotations

from pydantic import Field

from router.config.process import Milliseconds
from router.config.section import Section
from router.config.texts import HeaderName, HeaderText


class LiveViewSettings(Section):
    """Health, load and adapters of the endpoints, as they tell them."""

    example = """
live_view:
  enabled: true
  interval_ms: 1000
  headers:
    authorization: Bearer ${VLLM_API_KEY:-none}
"""

    enabled: bool = Field(
        default=False,
        description="Whether the router asks endpoints for `/health`, `/metrics` and `/v1/models`. "
        "Without it the choice rests on what the router itself sent to them.",
    )
    interval_ms: Milliseconds = Field(
        default=2000, description="How often each endpoint is asked, give or take a fifth."
    )
    timeout_ms: Milliseconds = Field(
        default=1000, description="How long an endpoint may take to answer."
    )
    models_interval_ms: Milliseconds = Field(
        default=10_000, description="How often each endpoint is asked for its adapters."
    )
    metrics: bool = Field(
        default=True,
        description="Whether the load is asked for too; a metrics page costs the endpoint a few "
        "milliseconds.",
    )
    headers: dict[HeaderName, HeaderText] = Field(
        default={},
        repr=False,
        description="Headers of the questions, such as an `authorization`; `lora-router adapters` "
        "sends them too.",
    )
