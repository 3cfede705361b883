"""What became of a change, and the account of it."""

from __future__ import annotations

from router.adapters.change import Change, account, attempt
from router.catalog import Endpoint
from router.endpoints.adapters import EndpointError, Outcome

HERE = Endpoint("vllm-a", "10.0.0.1", 8000)


async def answer(outcome: Outcome | EndpointError) -> Outcome:
    if isinstance(outcome, EndpointError):
        raise outcome
    return outcome


async def test_an_attempt_ends_in_an_outcome_or_an_error() -> None:
    assert await attempt(HERE, answer(Outcome.LOADED)) == Change(HERE, Outcome.LOADED)
    failed = await attempt(HERE, answer(EndpointError("status 500")))
    assert failed == Change(HERE, error="status 500")


def test_one_failure_is_enough_not_to_be_done() -> None:
    done, failed = Change(HERE, Outcome.ALREADY_LOADED), Change(HERE, error="status 500")
    assert account("legal", [done], "c0ffee")["done"]
    found = account("legal", [done, failed], "c0ffee")
    assert not found["done"]
    assert [(e["outcome"], e["error"]) for e in found["endpoints"]] == [
        ("already_loaded", None),
        ("failed", "status 500"),
    ]
