from __future__ import annotations

import pytest
from pydantic import ValidationError

from router.config import Config

MINIMAL = {
    "vllm_endpoints": [
        {"name": "a", "address": "10.0.0.1", "port": 8000},
        {"name": "b", "address": "[::1]", "port": 8000},
    ],
    "model_config": {"base": {}, "other": {"preferred_endpoints": ["b"]}},
    "default_model": "base",
}


def category(**keys):
    scores = [{"model": "base", "score": 1}]
    return {"name": "law", "model_scores": scores, **keys}


def config(**keys):
    return Config.model_validate({**MINIMAL, **keys})


def test_defaults_are_those_that_users_know():
    sound = config()
    assert sound.auto_names == ("MoM", "auto")
    assert sound.on_error == "default_model"
    assert sound.default_reasoning_effort == "medium"
    assert sound.server.extproc == "127.0.0.1:50051"
    assert sound.server.admin == "127.0.0.1:9190"
    assert sound.envoy.listen == "0.0.0.0:8080"
    assert sound.envoy.admin == "127.0.0.1:19000"
    assert sound.logging.include_prompt is False
    assert config(classifier={"category_model": {"model_id": "x"}}).classifier.category_model
    assert sound.vllm_endpoints[0].weight == 1


def test_auto_is_always_an_auto_name_and_never_twice():
    assert config(auto_model_name="smart").auto_names == ("smart", "auto")
    assert config(auto_model_name="auto").auto_names == ("auto",)


def test_a_model_without_preferred_endpoints_is_on_all_of_them():
    sound = config()
    assert [endpoint.name for endpoint in sound.endpoints_of("base")] == ["a", "b"]
    assert [endpoint.name for endpoint in sound.endpoints_of("other")] == ["b"]


def test_an_ipv6_address_loses_its_brackets():
    assert config().vllm_endpoints[1].address == "::1"


def test_the_families_of_the_file_stand_beside_the_built_in_ones_or_in_their_place():
    own = {"type": "reasoning_effort", "parameter": "effort"}
    families = config(reasoning_families={"mine": own, "qwen3": own}).families
    assert set(families) == {"deepseek", "qwen3", "gpt-oss", "gpt", "mine"}
    assert families["qwen3"].parameter == "effort"
    assert config().families["qwen3"].parameter == "enable_thinking"
    assert config().families["deepseek"].parameter == "thinking"


@pytest.mark.parametrize(
    ("keys", "active"),
    [
        ({}, None),
        ({"system_prompt": "Be brief."}, "Be brief."),
        ({"system_prompt": "Be brief.", "system_prompt_enabled": True}, "Be brief."),
        ({"system_prompt": "Be brief.", "system_prompt_enabled": False}, None),
        ({"system_prompt_enabled": True}, None),
    ],
)
def test_a_system_prompt_is_used_when_there_is_one_and_it_is_not_switched_off(keys, active):
    assert config(categories=[category(**keys)]).categories[0].active_system_prompt == active


def test_a_model_score_does_not_reason_unless_told_to():
    assert config(categories=[category()]).categories[0].model_scores[0].use_reasoning is False


def test_a_whole_number_is_a_score():
    assert config(categories=[category()]).categories[0].model_scores[0].score == 1.0


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        config().default_model = "other"
