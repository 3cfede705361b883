from __future__ import annotations

from router.config import Config
from tests.envoy_config.conftest import changed, endpoint, rendered, with_endpoints


def test_the_routers_choice_comes_before_the_fallback(config: Config) -> None:
    assert list(rendered(config).routes) == [
        "health",
        "control-characters",
        "management",
        "selected",
        "fallback",
    ]


def test_the_chosen_cluster_is_named_by_a_header(config: Config) -> None:
    selected = rendered(config).routes["selected"]
    assert selected["route"]["cluster_header"] == "x-selected-endpoint"
    assert selected["match"]["headers"] == [{"name": "x-selected-endpoint", "present_match": True}]


def test_the_backend_is_not_told_its_endpoint(config: Config) -> None:
    routes = rendered(config).manager["route_config"]
    assert routes["request_headers_to_remove"] == ["x-selected-endpoint", "x-vsr-request-complete"]


def test_every_response_header_is_removed_before_it_is_set(config: Config) -> None:
    routes = rendered(config).manager["route_config"]
    added = {
        entry["header"]["key"]: entry["header"]["value"]
        for entry in routes["response_headers_to_add"]
    }
    assert routes["response_headers_to_remove"] == list(added)
    assert added["x-vsr-selected-category"] == "%DYNAMIC_METADATA(lora-router:category)%"
    assert added["x-vsr-failed-open"] == "%DYNAMIC_METADATA(lora-router:failed_open)%"


def test_the_fallback_is_the_default_models_endpoint(config: Config) -> None:
    assert rendered(config).routes["fallback"]["route"]["cluster"] == "vllm-primary"


def test_the_fallback_of_an_adapter_is_its_base_models(config: Config) -> None:
    both = rendered(config.model_copy(update={"default_model": "legal-lora"}))
    assert both.routes["fallback"]["route"]["cluster"] == "vllm-primary"


def test_several_endpoints_share_the_fallback_by_weight(config: Config) -> None:
    several = with_endpoints(
        config, endpoint("a", weight=3), endpoint("b"), endpoint("c", weight=0)
    )
    action = rendered(several).routes["fallback"]["route"]
    weights = {c["name"]: c["weight"] for c in action["weighted_clusters"]["clusters"]}
    assert weights == {"a": 3, "b": 1}


def test_endpoints_without_any_weight_still_have_a_fallback(config: Config) -> None:
    idle = with_endpoints(config, endpoint("a", weight=0), endpoint("b", weight=0))
    assert rendered(idle).routes["fallback"]["route"]["cluster"] == "a"


def test_an_answer_may_take_as_long_as_it_goes_on(config: Config) -> None:
    config = changed(config, "envoy", max_stream_seconds=99.0)
    for name in ("selected", "fallback"):
        action = rendered(config).routes[name]["route"]
        assert action["timeout"] == "0s"
        assert action["max_stream_duration"]["max_stream_duration"] == "99s"


def test_envoys_health_does_not_depend_on_the_router(config: Config) -> None:
    health = rendered(config).routes["health"]
    settings = health["typed_per_filter_config"]["envoy.filters.http.ext_proc"]
    assert settings["disabled"] is True
    assert health["direct_response"]["status"] == 200
