from __future__ import annotations

from router.extproc.messages import BodyMode, HeaderMutation, RequestBody


def test_a_body_mode_that_envoy_learns_later_is_unknown_and_no_error() -> None:
    assert BodyMode(17) is BodyMode.UNKNOWN


def test_only_a_header_mutation_that_changes_something_is_true() -> None:
    assert not HeaderMutation()
    assert HeaderMutation(set_headers=(("a", b""),))
    assert HeaderMutation(remove_headers=("a",))


def test_a_body_is_not_shown_in_logs() -> None:
    assert "secret" not in repr(RequestBody(b"secret"))
