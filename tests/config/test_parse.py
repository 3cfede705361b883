from __future__ import annotations

import pytest

from router.config.parse import MAX_DEPTH, parse
from router.config.problems import Position

BROKEN = {
    "an empty file": ("", "f:1:1: the file is empty; expected a configuration"),
    "nothing but comments": ("# x\n", "f:1:1: the file is empty; expected a configuration"),
    "a list": ("- a\n", "f:1:1: found a list, expected a mapping of keys"),
    "a sentence": ("just text", "f:1:1: found a single value, expected a mapping of keys"),
    "two colons": (
        "a: b: c",
        "f:1:5: not valid yaml: mapping values are not allowed in this context",
    ),
    "a tab": (
        "a:\n\tb: 1",
        "f:2:1: found a tab, expected spaces: YAML is indented with spaces",
    ),
    "an open bracket": (
        "a: [1, 2\n",
        "f:2:1: not valid yaml: while parsing a flow sequence, did not find expected ',' or ']'",
    ),
    "two documents": (
        "a: 1\n---\nb: 2",
        (
            "f:2:1: not valid yaml: expected a single document in the stream, "
            "but found another document"
        ),
    ),
    "an anchor that is not there": ("a: *b", "f:1:4: not valid yaml: found undefined alias"),
    "a control character": (
        "a: 1\nb: \x07",
        "f:2:4: found a control character, expected printable text",
    ),
    "a key twice": ("a: 1\nb: 2\na: 3", "f:3:1: a: the key is already on line 1"),
    "a key twice further in": ("x: [{a: 1, a: 2}]", "f:1:12: x[0].a: the key is already on line 1"),
    "a list as a key": ("? [a]\n: b", "f:1:3: found a list as a key, expected text"),
    "code": (
        "a: !!python/object/apply:os.system [id]",
        "f:1:4: a: found the tag !!python/object/apply:os.system, expected none",
    ),
    "a tag of somebody's own": ("a: !vault x", "f:1:4: a: found the tag !vault, expected none"),
    "an anchor in itself": ("a: &a [*a]", "f:1:4: a[0]: found an anchor that contains itself"),
    "a merge of text": ("a: {<<: 5}", "f:1:9: a: found a << that does not name mappings"),
    "a variable that is not set": (
        "a: ${NOPE}",
        "f:1:4: a: environment variable NOPE is not set; set it or write ${NOPE:-default}",
    ),
    "a variable in a key": (
        "${A}: 1",
        'f:1:1: "${A}": found a variable in a key, expected it in a value',
    ),
}


@pytest.mark.parametrize(("text", "line"), BROKEN.values(), ids=BROKEN)
def test_text_that_cannot_be_read_is_one_line_with_its_place(text, line):
    assert [problem.line("f") for problem in parse(text, {}).problems] == [line]


BOMBS = {
    "lists of lists": "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)),
    "merges of merges": "a0: &a0 {}\n"
    + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 60)),
    "a chain of merges": "a0: &a0 {x: 1}\n"
    + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}}}\n" for n in range(1, 3000)),
    "a deep pit": "[" * 200_000 + "]" * 200_000,
    "a deep list": "- " * (MAX_DEPTH + 1) + "x",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_file_that_unfolds_without_end_is_refused(text):
    assert [problem.line("f") for problem in parse(text, {}).problems] == [
        "f:1:1: found more than 250000 values or 64 levels; expected fewer"
    ]


def test_anchors_and_merges_give_their_values_and_own_keys_win():
    text = "base: &b {x: 1, y: 2}\nc:\n  x: 5\n  <<: *b\nd: {<<: [*b, {x: 3, z: 4}]}\ne: *b\n"
    document = parse(text, {})
    assert document.problems == []
    assert document.data["c"] == {"x": 5, "y": 2}
    assert document.data["d"] == {"x": 1, "y": 2, "z": 4}
    assert document.data["e"] == {"x": 1, "y": 2}


def test_places_are_those_of_keys_and_of_values():
    document = parse("a:\n  - b: 1\n    c: [x, y]\n", {})
    assert document.key_position(("a", 0, "c")) == Position(3, 5)
    assert document.value_position(("a", 0, "c")) == Position(3, 8)
    assert document.value_position(("a", 0, "c", 1)) == Position(3, 12)
    assert document.value_position(("a", 0, "missing")) == Position(2, 5)


def test_wide_characters_count_once_in_a_column():
    document = parse("a: [法律, b]", {})
    assert document.value_position(("a", 1)) == Position(1, 9)


def test_variables_are_text_until_the_schema_wants_otherwise():
    document = parse("a: ${P}\nb: '${P}'\nc: p${P}\nd: $${P}\ne: 80", {"P": "80"})
    assert document.data == {"a": "80", "b": "80", "c": "p80", "d": "${P}", "e": 80}
    assert document.variables == {("a",), ("b",), ("c",)}


def test_an_own_value_over_a_merged_variable_is_not_a_variable():
    document = parse("base: &b {x: '${P}'}\nc: {<<: *b, x: 1}", {"P": "80"})
    assert document.data["c"] == {"x": 1}
    assert ("c", "x") not in document.variables


def test_quotes_make_text_and_plain_scalars_are_typed():
    document = parse("a: 5\nb: '5'\nc: !!str 5\nd: |\n  5\ne: yes\nno: Norway", {})
    assert document.data == {
        "a": 5,
        "b": "5",
        "c": "5",
        "d": "5\n",
        "e": "yes",
        "no": "Norway",
    }
