from __future__ import annotations

import shutil


def test_a_missing_model_directory_says_where_it_was_looked_for(workspace, sound):
    shutil.rmtree(workspace.model)
    here, above = workspace.directory, workspace.directory.parent
    assert workspace.check(sound) == [
        (
            "config.yaml:3:15: classifier.category_model.model_id: no such directory: "
            f"looked for {here}/models/domain, {above}/models/domain"
        )
    ]


def test_a_missing_mapping_says_where_it_was_looked_for(workspace):
    new = "models/domain\n    category_mapping_path: models/x.json"
    here, above = workspace.directory, workspace.directory.parent
    assert workspace.edited("models/domain", new) == [
        (
            "config.yaml:4:28: classifier.category_model.category_mapping_path: no such file: "
            f"looked for {here}/models/x.json, {above}/models/x.json"
        )
    ]


def test_a_file_where_the_model_should_be_is_an_error(workspace):
    new = "models/domain/category_mapping.json"
    assert workspace.edited("models/domain", new) == [
        (
            "config.yaml:3:15: classifier.category_model.model_id: "
            f"found a file, expected a directory: {new}"
        )
    ]


def test_a_directory_where_the_mapping_should_be_is_an_error(workspace):
    new = "models/domain\n    category_mapping_path: models"
    assert workspace.edited("models/domain", new) == [
        (
            "config.yaml:4:28: classifier.category_model.category_mapping_path: "
            "found a directory, expected a file: models"
        )
    ]


def test_a_model_directory_without_labels_is_an_error(workspace, sound):
    (workspace.model / "category_mapping.json").unlink()
    assert workspace.check(sound) == [
        (
            "config.yaml:3:15: classifier.category_model.model_id: "
            "neither category_mapping.json nor config.json is in models/domain"
        )
    ]


def test_files_are_left_alone_when_told_so(workspace, sound):
    shutil.rmtree(workspace.model)
    assert workspace.check(sound, check_files=False) == []


def test_a_missing_model_does_not_hide_the_other_errors(workspace, sound):
    shutil.rmtree(workspace.model)
    lines = workspace.check(sound.replace("port: 8000", "port: 0"))
    assert [line.split(": ")[1] for line in lines] == [
        "classifier.category_model.model_id",
        "vllm_endpoints[0].port",
    ]


def test_a_category_that_no_prompt_can_reach_is_a_warning_with_the_way_to_reach_it(workspace):
    assert workspace.edited("name: technical", "name: shopping") == [
        (
            "config.yaml:27:11: categories[1].name: warning: category 'shopping' cannot be "
            "reached: it is no label or alias of the classifier; name the labels that it stands "
            "for under mmlu_categories; labels are 'computer science', 'engineering', 'law', "
            "'other'"
        )
    ]


def test_a_category_that_is_nearly_a_label_is_told_the_label(workspace):
    assert workspace.edited("name: technical", "name: enginering") == [
        (
            "config.yaml:27:11: categories[1].name: warning: category 'enginering' cannot be "
            "reached: it is no label or alias of the classifier; name the labels that it stands "
            "for under mmlu_categories; did you mean 'engineering'?"
        )
    ]


def test_a_category_is_reached_by_the_labels_that_it_names(workspace):
    new = "name: shopping\n    mmlu_categories: [other]"
    assert workspace.edited("name: technical", new) == []


def test_a_label_that_the_classifier_lacks_is_a_warning(workspace):
    new = "name: technical\n    mmlu_categories: [law, Enginering]"
    assert workspace.edited("name: technical", new) == [
        (
            "config.yaml:28:28: categories[1].mmlu_categories[1]: warning: the classifier has no "
            "label or alias 'Enginering'; did you mean 'engineering'?"
        )
    ]


def test_categories_without_a_classifier_are_one_warning(workspace, sound):
    assert workspace.check(sound[sound.index("vllm_endpoints") :]) == [
        (
            "config.yaml:18:1: categories: warning: no category can be reached without a "
            "classifier: every request that leaves the choice to the router goes to default_model; "
            "configure classifier.category_model"
        )
    ]
