"""Which pieces of a text are read."""

from __future__ import annotations

from router.signals.keywords.places import WINDOW, Place, Window, is_read_whole, windows


def test_a_text_of_two_windows_is_read_whole() -> None:
    text = "x" * (2 * WINDOW)
    assert is_read_whole(text)
    assert list(windows(text)) == [Window(text)]


def test_of_a_longer_text_both_ends_are_read_with_a_character_of_context() -> None:
    text = "a" * WINDOW + "bcd" + "e" * WINDOW
    assert not is_read_whole(text)
    assert list(windows(text)) == [
        Window("a" * WINDOW + "b", cut_right=True),
        Window("d" + "e" * WINDOW, WINDOW + 2, cut_left=True),
    ]


def test_a_place_moves_with_the_text_before_it() -> None:
    assert Place(2, 5, 1).moved(10) == Place(12, 15, 1)
    assert Place(2, 5).moved(0) == Place(2, 5)
