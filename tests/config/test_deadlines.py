from __future__ import annotations

RULES = "embedding_rules: [{category: law, candidates: [a court]}]\n"
SERVER = "  mcp_category_model: {enabled: true, url: 'http://h/mcp', timeout_seconds: 0.7}\n"
AFTER = ", which may be waited for one after the other"
CATEGORY_MODEL = "classifier.category_model.timeout_ms"


def envoy(milliseconds: int) -> str:
    return f"envoy: {{message_timeout_ms: {milliseconds}}}\n"


def waited(found: int, expected: int, keys: str) -> list[str]:
    return [
        (
            "1:29: envoy.message_timeout_ms: warning: "
            f"envoy waits {found} ms for an answer, expected more than the {expected} ms of {keys}"
        )
    ]


def test_an_envoy_less_patient_than_the_classifier_is_a_warning(workspace):
    assert workspace.added(envoy(1000)) == waited(1000, 1000, CATEGORY_MODEL)
    assert workspace.added(envoy(1001)) == []


def test_stages_are_waited_for_one_after_the_other(workspace):
    assert workspace.added(envoy(2000) + RULES) == waited(2000, 2000, CATEGORY_MODEL + AFTER)
    assert workspace.added(envoy(2001) + RULES) == []


def test_a_method_that_is_not_used_is_not_waited_for(workspace):
    order = "classification_order: [embedding]\n"
    lines = workspace.added(envoy(1500) + RULES + order)
    assert [line for line in lines if "envoy" in line] == []


def test_signals_of_one_stage_are_waited_for_together_and_once(workspace):
    decision = (
        "decisions: [{name: a, modelRefs: [{model: base}], rules: {operator: AND, conditions: "
        "[{type: domain, name: law}, {type: embedding, name: law}]}}]\n"
    )
    assert workspace.added(envoy(1001) + RULES + decision) == []


def test_an_embedding_model_and_a_server_add_to_the_wait(workspace, sound):
    model = "embedding_model: {model_id: models/domain, timeout_ms: 300}\n"
    text = sound.replace("classifier:\n", f"classifier:\n{SERVER}", 1) + envoy(2000)
    assert workspace.check(text + RULES + model) == [
        (
            "config.yaml:33:29: envoy.message_timeout_ms: warning: envoy waits 2000 ms for an "
            "answer, expected more than the 2000 ms of embedding_model.timeout_ms and "
            f"classifier.mcp_category_model.timeout_seconds and {CATEGORY_MODEL}{AFTER}"
        )
    ]


def test_descriptions_are_waited_for_where_nothing_else_names_the_category(workspace, sound):
    text = envoy(2000) + sound.replace(
        "- name: technical", "- name: garden\n    description: Plants"
    )
    assert workspace.check(text) == [
        (
            "config.yaml:1:29: envoy.message_timeout_ms: warning: envoy waits 2000 ms for an "
            f"answer, expected more than the 2000 ms of {CATEGORY_MODEL}{AFTER}"
        )
    ]


def test_by_default_envoy_waits_for_every_method_one_after_the_other(workspace, sound):
    described = sound.replace("- name: technical", "- name: garden\n    description: Plants")
    server = SERVER.replace(", timeout_seconds: 0.7", "")
    text = described.replace("classifier:\n", f"classifier:\n{server}", 1) + RULES
    assert workspace.check(text) == []
    [line] = workspace.check(text + envoy(4000))
    assert "expected more than the 4000 ms of " in line
