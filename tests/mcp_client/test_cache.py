from __future__ import annotations

from router.mcp_client.cache import Recent, digest


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_put_is_found_until_it_is_too_old() -> None:
    clock = Clock()
    recent = Recent[str](2, 60, clock)
    recent.put(b"a", "law")
    clock.now = 59.9
    assert recent.get(b"a") == "law"
    clock.now = 60.0
    assert recent.get(b"a") is None
    assert len(recent) == 0


def test_what_is_put_again_is_new_again() -> None:
    clock = Clock()
    recent = Recent[str](2, 60, clock)
    recent.put(b"a", "law")
    clock.now = 50.0
    recent.put(b"a", "health")
    clock.now = 100.0
    assert recent.get(b"a") == "health"


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    recent = Recent[int](2, 60)
    recent.put(b"a", 1)
    recent.put(b"b", 2)
    recent.get(b"a")
    recent.put(b"c", 3)
    assert [recent.get(key) for key in (b"a", b"b", b"c")] == [1, None, 3]


def test_size_0_remembers_nothing() -> None:
    recent = Recent[int](0, 60)
    recent.put(b"a", 1)
    assert recent.get(b"a") is None


def test_a_finding_of_nothing_is_remembered_too() -> None:
    recent = Recent[tuple[int, ...]](1, 60)
    recent.put(b"a", ())
    assert recent.get(b"a") == ()


def test_keys_are_short_whatever_the_content_and_differ_with_it() -> None:
    assert len(digest(b"x" * 100_000)) == 16
    assert digest(b"a") != digest(b"b")
