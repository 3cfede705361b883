from __future__ import annotations

import shutil

import pytest


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
            "reached: it is no label or alias of the classifier, no keyword or embedding rule "
            "names it, it has no description; describe it, or write a rule for it, or name its "
            "labels under mmlu_categories; labels are 'computer science', 'engineering', 'law', "
            "'other'"
        )
    ]


def test_a_category_that_is_nearly_a_label_is_told_the_label(workspace):
    assert workspace.edited("name: technical", "name: enginering") == [
        (
            "config.yaml:27:11: categories[1].name: warning: category 'enginering' cannot be "
            "reached: it is no label or alias of the classifier, no keyword or embedding rule "
            "names it, it has no description; describe it, or write a rule for it, or name its "
            "labels under mmlu_categories; did you mean 'engineering'?"
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
            "config.yaml:18:1: categories: warning: no category can be reached: there is no "
            "classifier, and neither a rule nor an mcp server names one; every request that is "
            "left to them goes to default_model; configure classifier.category_model"
        )
    ]


OTHER_WAYS = {
    "a keyword rule": "keyword_rules: [{category: shopping, keywords: [cart]}]\n",
    "an embedding rule": "signals: {embeddings: [{name: shopping, candidates: [a cart]}]}\n",
}


@pytest.mark.parametrize("more", OTHER_WAYS.values(), ids=OTHER_WAYS)
def test_a_category_may_be_reached_without_any_label(workspace, sound, more):
    assert workspace.check(sound.replace("name: technical", "name: shopping") + more) == []


def test_a_description_reaches_a_category_that_nothing_else_names(workspace):
    described = "name: shopping\n    description: Carts and prices"
    assert workspace.edited("name: technical", described) == []


def test_an_mcp_server_may_name_any_category(workspace, sound):
    server = (
        "classifier:\n  mcp_category_model: {enabled: true, url: 'http://127.0.0.1:8090/mcp'}\n"
    )
    text = sound.replace("classifier:\n", server, 1).replace("name: technical", "name: shopping")
    assert workspace.check(text) == []


def unreachable(workspace, sound, more: str) -> str:
    """Why a described category that is no label cannot be reached."""
    described = "name: shopping\n    description: Carts and prices"
    lines = workspace.check(sound.replace("name: technical", described) + more)
    [line] = [line for line in lines if "'shopping' cannot be reached" in line]
    return line.partition("names it, ")[2]


def test_a_method_that_is_left_out_reaches_nothing(workspace, sound):
    assert unreachable(workspace, sound, "classification_order: [domain]\n").startswith(
        "classification_order leaves out what would find it; name the method there, or "
    )


def test_a_description_needs_an_encoder(workspace, sound):
    described = sound.replace("name: law\n", "name: shopping\n    description: Carts\n")
    bare = described[described.index("vllm_endpoints") :]
    lines = workspace.check(bare + "keyword_rules: [{category: technical, keywords: [code]}]\n")
    assert lines == [
        (
            "config.yaml:19:11: categories[0].name: warning: category 'shopping' cannot be "
            "reached: no keyword or embedding rule names it, nothing compares prompts with its "
            "description; configure embedding_model, or write a rule for it"
        )
    ]


def test_a_domain_that_stands_for_no_label_is_never_found(workspace):
    text = """\
signals:
  domains:
    - {name: shopping, mmlu_categories: [laww]}
decisions:
  - {name: a, rules: {type: domain, name: shopping}, modelRefs: [{model: base}]}
"""
    assert workspace.added(text) == [
        (
            "3:14: signals.domains[0].name: warning: domain 'shopping' is never found: it is no "
            "label or alias of the classifier; name its labels under mmlu_categories; labels are "
            "'computer science', 'engineering', 'law', 'other'"
        ),
        (
            "3:42: signals.domains[0].mmlu_categories[0]: warning: the classifier has no label or "
            "alias 'laww'; did you mean 'law'?"
        ),
    ]


def test_a_missing_embedding_model_says_where_it_was_looked_for(workspace, sound):
    here, above = workspace.directory, workspace.directory.parent
    assert workspace.check(sound + "embedding_model: {model_id: models/x}\n") == [
        (
            "config.yaml:32:29: embedding_model.model_id: no such directory: "
            f"looked for {here}/models/x, {above}/models/x"
        )
    ]
