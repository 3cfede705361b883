from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.config import Config
from router.config.schema import ModelSettings, VllmEndpoint
from router.envoy_config.siblings import MOST_SIBLINGS, siblings
from tests.envoy_config.conftest import endpoint, with_endpoints


def at(name: str, place: int, weight: int = 1) -> VllmEndpoint:
    return endpoint(name, f"10.0.0.{place}", weight)


def serving(config: Config, *endpoints: VllmEndpoint, **models: str) -> Config:
    """`config` with these endpoints; each model is served by those whose names it lists."""
    settings = {m: ModelSettings(preferred_endpoints=tuple(names)) for m, names in models.items()}
    return config.model_copy(update={"vllm_endpoints": endpoints, "models": settings})


def names(config: Config) -> dict[str, str]:
    """The siblings' names in their order; every name is one letter."""
    return {name: "".join(o.name for o in others) for name, others in siblings(config).items()}


def test_siblings_stand_in_a_ring(config: Config) -> None:
    ring = with_endpoints(config, at("a", 1), at("b", 2), at("c", 3))
    assert names(ring) == {"a": "bc", "b": "ca", "c": "ab"}


def test_a_single_endpoint_has_none(config: Config) -> None:
    assert names(with_endpoints(config, at("a", 1))) == {"a": ""}


def test_a_sibling_serves_every_model_of_the_endpoint(config: Config) -> None:
    endpoints = [at(name, place) for place, name in enumerate("abcd")]
    assert names(serving(config, *endpoints, small="abc", large="bcd")) == {
        "a": "bc",
        "b": "c",
        "c": "b",
        "d": "bc",
    }


def test_nobody_stands_in_for_an_endpoint_that_serves_nothing(config: Config) -> None:
    assert names(serving(config, at("a", 1), at("b", 2), m="a")) == {"a": "", "b": ""}


def test_an_endpoint_that_was_taken_out_stands_in_for_nobody(config: Config) -> None:
    out = with_endpoints(config, at("a", 1), at("b", 2, weight=0), at("c", 3))
    assert names(out) == {"a": "c", "b": "ca", "c": "a"}


def test_another_name_for_the_same_server_is_no_sibling(config: Config) -> None:
    twice = with_endpoints(config, at("a", 1), at("b", 1), at("c", 2), at("d", 2))
    assert names(twice) == {"a": "c", "b": "c", "c": "a", "d": "a"}


@given(st.integers(1, 40))
def test_no_server_is_asked_for_its_health_too_often(count: int) -> None:
    servers = tuple(at(f"e{place}", place) for place in range(count))
    model = {"m": ModelSettings()}
    config = Config.model_construct(vllm_endpoints=servers, models=model)
    found = siblings(config)
    asked = [sum(server in others for others in found.values()) for server in servers]
    assert set(asked) == {min(count - 1, MOST_SIBLINGS)}
    for place, server in enumerate(servers):
        ring = [*servers[place + 1 :], *servers[:place]]
        assert list(found[server.name]) == ring[:MOST_SIBLINGS]
