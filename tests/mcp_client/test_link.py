from __future__ import annotations

import pytest

from router.mcp_client.link import Fault, Link, fault_in, status_in, status_text


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_is_found_in_the_words_that_the_sdk_puts_around_it(fault: Fault) -> None:
    assert fault_in(f"Failed to parse JSON response: {fault}") is fault


def test_a_server_s_own_words_are_no_fault_of_ours() -> None:
    assert fault_in("May I sublet?") is None
    assert status_in("May I sublet? http status quo") is None


def test_a_status_is_found_again() -> None:
    assert status_in(f"oh: {status_text(503)}.") == "http status 503"


def test_only_silence_is_the_connection_s_fault() -> None:
    silent = [fault for fault in Fault if fault.is_silence]
    assert silent == [Fault.UNREACHABLE, Fault.BROKEN, Fault.LATE]


async def test_the_first_reason_for_a_loss_counts() -> None:
    link = Link()
    link.lose("its process ended")
    link.lose("its standard input is closed")
    assert link.lost.is_set()
    assert link.reason == "its process ended"


async def test_what_happens_to_a_connection_that_is_being_closed_is_no_reason() -> None:
    link = Link()
    link.end()
    link.lose("its process ended")
    assert link.account() == "the connection was closed"


async def test_the_account_ends_with_the_last_words() -> None:
    link = Link()
    link.lose("its process ended")
    link.last_words = "no database"
    assert link.account() == "its process ended; its last words: no database"
