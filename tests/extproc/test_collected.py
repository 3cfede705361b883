from __future__ import annotations

from router.errors import PayloadTooLarge, TooManyBodies
from router.extproc.collected import Allowance, CollectedBody


def test_chunks_are_joined_in_their_order() -> None:
    body = CollectedBody(10, Allowance(10))
    assert body.add(b"ab") is None
    assert body.add(b"c") is None
    assert body.join() == b"abc"


def test_a_body_of_exactly_its_limit_is_kept_and_one_byte_more_is_too_large() -> None:
    body = CollectedBody(3, Allowance(100))
    assert body.add(b"abc") is None
    error = body.add(b"d")
    assert isinstance(error, PayloadTooLarge)
    assert str(error) == "body of 4 bytes or more: the limit is 3"


def test_bodies_share_their_allowance() -> None:
    allowance = Allowance(5)
    first, second = CollectedBody(5, allowance), CollectedBody(5, allowance)
    assert first.add(b"abc") is None
    assert second.add(b"de") is None
    error = second.add(b"f")
    assert isinstance(error, TooManyBodies)
    assert error.status == 503
    assert str(error) == "bodies on their way hold more than 5 bytes together"


def test_a_joined_body_still_counts_until_it_is_dropped() -> None:
    allowance = Allowance(5)
    body = CollectedBody(5, allowance)
    body.add(b"abc")
    body.join()
    assert allowance.held == 3
    body.drop()
    body.drop()
    assert allowance.held == 0
