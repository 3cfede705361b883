from __future__ import annotations

from router.config.document import START
from router.config.parse import parse

TEXT = "models:\n  a: {loras: [{name: x}, {name: 5}]}\n  b: {loras: [{name: y}]}\n"


def test_a_pattern_selects_through_lists_and_mappings():
    document = parse(TEXT, {})
    assert list(document.select("models", "*", "loras", "*", "name")) == [
        (("models", "a", "loras", 0, "name"), "x"),
        (("models", "a", "loras", 1, "name"), 5),
        (("models", "b", "loras", 0, "name"), "y"),
    ]


def test_texts_leave_out_what_is_no_text():
    document = parse(TEXT, {})
    assert [name for _, name in document.texts("models", "*", "loras", "*", "name")] == ["x", "y"]


def test_a_pattern_that_fits_nothing_selects_nothing():
    document = parse(TEXT, {})
    assert list(document.select("models", "a", "loras", "*", "name", "*")) == []


def test_values_are_replaced_and_keys_taken_out_in_place():
    document = parse("a: {b: 1, c: 2}", {})
    document.put(("a", "b"), 5)
    document.drop(("a", "c"))
    assert document.data == {"a": {"b": 5}}


def test_entries_that_are_taken_out_of_a_list_leave_the_others_their_places():
    document = parse("a:\n  - {x: 0}\n  - {x: 1}\n  - {x: 2}\n  - {x: 3}\n", {})
    document.drop(("a", 2))
    document.drop(("a", 0))
    assert document.data == {"a": [{"x": 1}, {"x": 3}]}
    assert document.value_position(("a", 1, "x")).line == 5
    assert document.key_position(("a", 0, "x")).line == 3
    assert document.original(("a", 1, "x")) == ("a", 3, "x")
    assert document.original(("b", 1)) == ("b", 1)


def test_what_is_nowhere_in_the_file_is_at_its_start():
    assert parse("a: 1", {}).value_position(("x", "y")) == START
