"""Which endpoint of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balancing import Balancer, Placement, Situation, choose_endpoint
from router.bench.affinity import simulate
from router.catalog import Adapter, Balancing, Catalog, Endpoint, Model, ModelRef
from router.endpoints import NOTHING_KNOWN, EndpointState
from router.endpoints.view import LiveView
from router.endpoints.vllm import Served

BASE = ModelRef("llama")
LEGAL = ModelRef("llama", "legal-lora")
STRATEGIES = list(Balancing)


def endpoints(*weights: int) -> tuple[Endpoint, ...]:
    return tuple(
        Endpoint(name, "127.0.0.1", 8000 + index, weight)
        for index, (name, weight) in enumerate(zip("abcdefgh", weights, strict=False))
    )


ABC = endpoints(1, 1, 1)


def choose(
    among: Sequence[Endpoint] = ABC,
    ref: ModelRef = BASE,
    strategy: Balancing = Balancing.LORA_AFFINITY,
    *,
    chance: float = 0.0,
    turn: int = 0,
    **states: EndpointState,
) -> Placement:
    return choose_endpoint(among, ref, strategy, Situation(states, chance, turn))


def name(placement: Placement) -> str | None:
    return placement.endpoint.name if placement.endpoint else None


@pytest.mark.parametrize("strategy", [Balancing.WEIGHTED, Balancing.LORA_AFFINITY])
def test_a_base_model_is_spread_by_weight(strategy: Balancing) -> None:
    among = endpoints(1, 3)
    picked = Counter(name(choose(among, strategy=strategy, chance=i / 100)) for i in range(100))
    assert picked == {"a": 25, "b": 75}


@pytest.mark.parametrize("weights", [(1, 1, 1), (5, 1, 1), (2, 4), (1, 0, 2), (7, 11, 13)])
def test_in_each_round_everybody_has_as_many_turns_as_its_weight(weights: tuple[int, ...]) -> None:
    among = endpoints(*weights)
    size = sum(weights)
    for start in (0, size, 5 * size):
        turns = Counter(
            name(choose(among, strategy=Balancing.ROUND_ROBIN, turn=start + i)) for i in range(size)
        )
        assert turns == {e.name: e.weight for e in among if e.weight}


def test_turns_are_spread_over_the_round() -> None:
    among = endpoints(4, 4)
    turns = [name(choose(among, strategy=Balancing.ROUND_ROBIN, turn=i)) for i in range(8)]
    assert "aaa" not in "".join(filter(None, turns))


def test_the_least_loaded_endpoint_is_chosen_for_its_weight() -> None:
    loads = {"a": EndpointState(load=9), "b": EndpointState(load=2), "c": EndpointState(load=5)}
    assert name(choose(strategy=Balancing.LEAST_LOAD, **loads)) == "b"
    assert name(choose(endpoints(9, 1, 1), strategy=Balancing.LEAST_LOAD, **loads)) == "a"


def test_among_equal_loads_chance_decides() -> None:
    picked = Counter(name(choose(strategy=Balancing.LEAST_LOAD, chance=i / 30)) for i in range(30))
    assert picked == {"a": 10, "b": 10, "c": 10}


def test_of_two_at_random_the_less_loaded_is_chosen() -> None:
    loads = {"a": EndpointState(load=50)}
    picked = Counter(
        name(choose(strategy=Balancing.RANDOM_OF_TWO, chance=i / 997, **loads)) for i in range(997)
    )
    assert "a" not in picked
    assert picked["b"] == pytest.approx(picked["c"], rel=0.3)


def test_an_adapter_goes_where_it_is_in_memory() -> None:
    for holder in "abc":
        states = {holder: EndpointState(resident=frozenset({"legal-lora"}))}
        placement = choose(ref=LEGAL, **states)
        assert (name(placement), placement.why) == (holder, "the adapter is in memory there")


def test_an_adapter_that_is_nowhere_goes_where_there_is_room() -> None:
    full = EndpointState(free_slots=0)
    states = {"a": full, "b": EndpointState(free_slots=2), "c": full}
    placement = choose(ref=LEGAL, **states)
    assert (name(placement), placement.why) == ("b", "the adapter has room there")


def test_an_adapter_has_one_home_and_adapters_are_spread() -> None:
    homes = Counter(name(choose(ref=ModelRef("llama", f"lora-{number}"))) for number in range(3000))
    assert all(count == pytest.approx(1000, abs=120) for count in homes.values())
    assert len({name(choose(ref=LEGAL, chance=i / 10)) for i in range(10)}) == 1


def test_an_overloaded_endpoint_is_passed_over_although_it_holds_the_adapter() -> None:
    states = {
        "a": EndpointState(load=30, resident=frozenset({"legal-lora"})),
        "b": EndpointState(load=3),
        "c": EndpointState(load=3),
    }
    assert name(choose(ref=LEGAL, **states)) != "a"


def test_a_quiet_system_does_not_hurry_adapters_about() -> None:
    states = {"a": EndpointState(load=2, resident=frozenset({"legal-lora"}))}
    assert name(choose(ref=LEGAL, **states)) == "a"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_endpoint_that_does_not_have_the_adapter_is_out(strategy: Balancing) -> None:
    states = {
        "a": EndpointState(models=frozenset({"llama"})),
        "b": EndpointState(models=frozenset({"llama", "legal-lora"})),
        "c": EndpointState(models=frozenset({"llama"})),
    }
    picked = {name(choose(ref=LEGAL, strategy=strategy, chance=i / 9, **states)) for i in range(9)}
    assert picked == {"b"}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_where_no_endpoint_has_the_adapter_none_is_chosen(strategy: Balancing) -> None:
    bare = EndpointState(models=frozenset({"llama"}))
    placement = choose(ref=LEGAL, strategy=strategy, a=bare, b=bare, c=bare)
    assert (placement.endpoint, placement.why) == (None, "no endpoint serves it")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_endpoint_that_seems_down_is_passed_over_until_all_do(strategy: Balancing) -> None:
    down = EndpointState(healthy=False)
    for i in range(9):
        assert name(choose(strategy=strategy, chance=i / 9, turn=i, a=down, c=down)) == "b"
    picked = choose(strategy=strategy, a=down, b=down, c=down)
    assert picked.endpoint is not None


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_endpoint_of_weight_zero_is_drained(strategy: Balancing) -> None:
    among = endpoints(0, 1, 0)
    assert {name(choose(among, strategy=strategy, chance=i / 9, turn=i)) for i in range(9)} == {"b"}
    assert choose(endpoints(0, 0), strategy=strategy).endpoint is not None


STATES = st.builds(
    EndpointState,
    healthy=st.booleans(),
    load=st.floats(0, 1e9),
    models=st.none() | st.just(frozenset({"llama"})) | st.just(frozenset({"legal-lora"})),
    resident=st.just(frozenset()) | st.just(frozenset({"legal-lora"})),
    free_slots=st.none() | st.integers(0, 9),
)


@given(
    st.lists(st.tuples(st.integers(0, 9), STATES), min_size=1, max_size=8),
    st.sampled_from(STRATEGIES),
    st.sampled_from([BASE, LEGAL]),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 10**6),
)
def test_whatever_is_known_the_choice_serves_the_model_if_anybody_does(
    known: list[tuple[int, EndpointState]],
    strategy: Balancing,
    ref: ModelRef,
    chance: float,
    turn: int,
) -> None:
    among = endpoints(*(weight for weight, _ in known))
    states = {e.name: state for e, (_, state) in zip(among, known, strict=True)}
    serving = {n for n, s in states.items() if s.models is None or ref.served_name in s.models}
    placement = choose_endpoint(among, ref, strategy, Situation(states, chance, turn))
    up = {n for n, state in states.items() if state.healthy}
    if serving and (serving & up or not up - serving):
        assert name(placement) in serving
    elif serving or ref is LEGAL:
        assert placement.endpoint is None
    else:
        assert placement.endpoint is not None


def catalog(*adapters: str) -> Catalog:
    model = Model("llama", ABC, tuple(Adapter(adapter, "llama") for adapter in adapters))
    return Catalog({"llama": model}, {e.name: e for e in ABC}, BASE)


def listing(view: LiveView, endpoint: Endpoint, **parents: str) -> None:
    view.serves(endpoint, Served(frozenset({"llama", *parents}), parents))


def test_an_adapter_that_an_endpoint_lists_is_discovered_with_its_base_model() -> None:
    balancer = Balancer()
    assert balancer.discover("new-lora", catalog()) is None
    listing(balancer.view, ABC[1], **{"new-lora": "llama", "stranger": "another-model"})
    assert balancer.discover("new-lora", catalog()) == ModelRef("llama", "new-lora")
    assert balancer.discover("stranger", catalog()) is None
    assert list(balancer.discovered(catalog("new-lora"))) == []


def test_a_discovered_adapter_goes_where_it_is_listed() -> None:
    balancer = Balancer()
    for endpoint in ABC:
        listing(balancer.view, endpoint, **({"new-lora": "llama"} if endpoint.name == "c" else {}))
    model = catalog().models["llama"]
    assert name(balancer.place(model, ModelRef("llama", "new-lora"))) == "c"


def test_what_was_chosen_counts_for_the_next_choice() -> None:
    model = replace(catalog().models["llama"], balancing=Balancing.LEAST_LOAD)
    balancer = Balancer(clock=lambda: 0.0)
    assert {name(balancer.place(model, BASE)) for _ in range(3)} == {"a", "b", "c"}


def test_each_model_has_turns_of_its_own() -> None:
    balancer = Balancer()
    one = replace(catalog().models["llama"], balancing=Balancing.ROUND_ROBIN)
    two = replace(one, name="qwen")
    turns = [(name(balancer.place(one, BASE)), name(balancer.place(two, BASE))) for _ in range(3)]
    assert {pair[0] for pair in turns} == {pair[1] for pair in turns} == {"a", "b", "c"}


def test_a_rehearsal_leaves_no_trace() -> None:
    view = LiveView()
    Balancer(view, rehearsing=True).place(catalog().models["llama"], LEGAL)
    assert all(view.state(endpoint, 0.0) is NOTHING_KNOWN for endpoint in ABC)


def test_a_choice_can_be_narrowed() -> None:
    model = catalog().models["llama"]
    assert name(Balancer().place(model, LEGAL, ABC[1:2])) == "b"


def test_affinity_saves_loads_and_keeps_the_balance() -> None:
    """Three endpoints of 8 slots, 30 adapters, Zipf traffic: the promise, on a seeded hour."""
    weighted, _ = simulate(Balancing.WEIGHTED)
    loads, busiest = simulate(Balancing.LORA_AFFINITY)
    assert loads * 3 <= weighted
    assert busiest <= 1.5


def test_an_adapter_is_not_sent_where_failover_would_find_endpoints_without_it() -> None:
    states = {
        "a": EndpointState(healthy=False, models=frozenset({"llama", "legal-lora"})),
        "b": EndpointState(models=frozenset({"llama"})),
    }
    among = endpoints(1, 1)
    placement = choose(among, LEGAL, **states)
    assert (placement.endpoint, placement.why) == (None, "no endpoint that is up serves it")
    states["b"] = EndpointState(healthy=False, models=frozenset({"llama"}))
    assert name(choose(among, LEGAL, **states)) == "a"
