from __future__ import annotations

import pytest

from router.config.problems import (
    NOWHERE,
    Position,
    Problem,
    did_you_mean,
    listed,
    nearest,
    path_text,
)


def test_a_line_has_place_path_and_text():
    problem = Problem(Position(3, 7), "a.b", "found x")
    assert problem.line("f.yaml") == "f.yaml:3:7: a.b: found x"
    assert problem.line("f.yaml", "warning") == "f.yaml:3:7: a.b: warning: found x"


def test_a_problem_of_the_whole_file_has_no_place():
    assert Problem(NOWHERE, "", "no such file").line("f.yaml") == "f.yaml: no such file"


def test_problems_sort_as_they_stand_in_the_file():
    later, earlier = Problem(Position(10, 1), "a", ""), Problem(Position(9, 5), "z", "")
    assert sorted([later, earlier]) == [earlier, later]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("categories", 0, "model_scores", 12, "model"), "categories[0].model_scores[12].model"),
        (("model_config", "Llama-3.1", "loras"), 'model_config."Llama-3.1".loras'),
        (("model_config", "a\nb"), 'model_config."a\\nb"'),
    ],
)
def test_paths_read_like_code_and_quote_odd_keys(path, text):
    assert path_text(path) == text


def test_the_nearest_name_forgives_case_dashes_and_typos():
    known = ["law-lora", "medical-lora"]
    assert nearest("Law_Lora", known) == "law-lora"
    assert nearest("medcal-lora", known) == "medical-lora"
    assert nearest("zebra", known) is None
    assert did_you_mean("zebra", known) == ""


def test_lists_of_names_are_bounded_and_without_repetition():
    assert listed(["a", "b", "a"]) == "'a', 'b'"
    assert listed("abcd", limit=2) == "'a', 'b' and 2 more"
