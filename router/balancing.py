"""Which endpoint of a model: filter, score, pick.

`choose_endpoint` is pure; chance and turn come in as numbers, so that a choice can be replayed. The
balancer asks it with what is known just now. Whether an endpoint really answers is Envoy's matter,
which tries another one.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from router.catalog import Balancing, Catalog, Endpoint, Model, ModelRef
from router.endpoints import NOTHING_KNOWN, EndpointState
from router.endpoints.view import LiveView
from router.shares import by_key, proportional

# How far above its share an endpoint may be loaded before an adapter goes elsewhere, and how many
# requests more, so that a quiet system does not hurry adapters about.
OVERLOAD = 1.25
SLACK = 2.0
_GOLDEN = (math.sqrt(5) - 1) / 2


class Situation(msgspec.Struct, frozen=True):
    """What a choice depends on besides the endpoints: their states by name, chance and turn.

    `chance` is uniform in [0, 1); `turn` counts the choices made before.
    """

    states: Mapping[str, EndpointState]
    chance: float = 0.0
    turn: int = 0

    def of(self, endpoint: Endpoint) -> EndpointState:
        return self.states.get(endpoint.name, NOTHING_KNOWN)


class Placement(msgspec.Struct, frozen=True):
    """The endpoint that was chosen, and why; None where none of them serves the model."""

    endpoint: Endpoint | None
    why: str


def choose_endpoint(
    endpoints: Sequence[Endpoint], ref: ModelRef, strategy: Balancing, situation: Situation
) -> Placement:
    """One of `endpoints` that serves `ref`.

    An endpoint that lists its models without `ref` among them is out, and Envoy must not get to it
    by way of one that is down; a base model that nobody
    lists may go by another name there, and is left to them all. Those of weight 0 and those that
    seem down are out as long as others are left: the view may be wrong, and Envoy knows better.
    """
    serving = [e for e in endpoints if _serves(situation.of(e), ref)]
    if not serving and ref.lora is None:
        serving = list(endpoints)
    if not serving:
        return Placement(None, "no endpoint serves it")
    others = [e for e in endpoints if e not in serving]
    if others and _are_down(serving, situation) and not _are_down(others, situation):
        return Placement(None, "no endpoint that is up serves it")
    weighted = [e for e in serving if e.weight] or serving
    able = [e for e in weighted if situation.of(e).healthy] or weighted
    if len(able) == 1:
        return Placement(able[0], "the only one")
    return _STRATEGIES[strategy](able, ref, situation)


def _are_down(endpoints: Sequence[Endpoint], situation: Situation) -> bool:
    return not any(situation.of(endpoint).healthy for endpoint in endpoints)


def _serves(state: EndpointState, ref: ModelRef) -> bool:
    return state.models is None or ref.served_name in state.models


def _shares(endpoints: Sequence[Endpoint]) -> list[float]:
    """Weights that sum to 1; equal ones where all are 0."""
    total = sum(e.weight for e in endpoints)
    return [e.weight / total if total else 1 / len(endpoints) for e in endpoints]


def _weighted(endpoints: Sequence[Endpoint], _: ModelRef, situation: Situation) -> Placement:
    index = proportional(_shares(endpoints), situation.chance)
    return Placement(endpoints[index], "weighted chance")


def _round_robin(endpoints: Sequence[Endpoint], _: ModelRef, situation: Situation) -> Placement:
    """Each as often as its weight says in every round, and spread over it."""
    weights = [e.weight or 1 for e in endpoints]
    divisor = math.gcd(*weights)
    size = sum(weights) // divisor
    step = next(s for s in range(max(1, round(size * _GOLDEN)), size + 1) if math.gcd(s, size) == 1)
    place = (situation.turn * step % size + 0.5) / size
    return Placement(endpoints[proportional(weights, place)], "its turn")


def _least_load(endpoints: Sequence[Endpoint], _: ModelRef, situation: Situation) -> Placement:
    return Placement(_least_loaded(endpoints, situation), "the least load")


def _random_of_two(endpoints: Sequence[Endpoint], _: ModelRef, situation: Situation) -> Placement:
    shares = _shares(endpoints)
    first = proportional(shares, situation.chance)
    others = [e for index, e in enumerate(endpoints) if index != first]
    again = situation.chance * 65_537 % 1  # as good as a second throw
    second = others[proportional(_shares(others), again)]
    pair = (endpoints[first], second)
    return Placement(min(pair, key=lambda e: _burden(e, situation)), "the less loaded of two")


def _least_loaded(endpoints: Sequence[Endpoint], situation: Situation) -> Endpoint:
    """The lowest load for its weight; chance among equals."""
    burdens = [_burden(endpoint, situation) for endpoint in endpoints]
    lowest = min(burdens)
    equal = [e for e, burden in zip(endpoints, burdens, strict=True) if burden == lowest]
    return equal[proportional(_shares(equal), situation.chance)]


def _burden(endpoint: Endpoint, situation: Situation) -> float:
    """The load that one request more would make, for the endpoint's weight."""
    return (situation.of(endpoint).load + 1) / (endpoint.weight or 1)


def _lora_affinity(endpoints: Sequence[Endpoint], ref: ModelRef, situation: Situation) -> Placement:
    """Where the adapter is in memory, then where there is room for it, then at its home.

    An endpoint that has more than its share is passed over. The home is the same for every router
    that knows the same endpoints, so that they agree without a word.
    """
    if ref.lora is None:
        return _weighted(endpoints, ref, situation)
    shares = _shares(endpoints)
    load = sum(situation.of(e).load for e in endpoints)
    room = [
        e
        for e, share in zip(endpoints, shares, strict=True)
        if situation.of(e).load <= OVERLOAD * share * load + SLACK
    ]
    roomy = room or endpoints
    order = by_key([e.name for e in roomy], _shares(roomy), ref.lora)
    homes = [roomy[index] for index in order]
    for why, wanted in _PREFERENCES:
        for endpoint in homes:
            if wanted(situation.of(endpoint), ref.lora):
                return Placement(endpoint, why)
    raise AssertionError("the last preference wants every endpoint")


_PREFERENCES: tuple[tuple[str, Callable[[EndpointState, str], bool]], ...] = (
    ("the adapter is in memory there", lambda state, lora: lora in state.resident),
    ("the adapter has room there", lambda state, _: bool(state.free_slots)),
    ("the adapter's home", lambda _, __: True),
)


_STRATEGIES: Mapping[Balancing, Callable[[Sequence[Endpoint], ModelRef, Situation], Placement]] = {
    Balancing.WEIGHTED: _weighted,
    Balancing.ROUND_ROBIN: _round_robin,
    Balancing.LEAST_LOAD: _least_load,
    Balancing.RANDOM_OF_TWO: _random_of_two,
    Balancing.LORA_AFFINITY: _lora_affinity,
}


class Balancer:
    """Chooses endpoints on what is known just now, and keeps account of what it chose.

    `rehearsing` it keeps none: for whoever only wants to know what would be chosen.
    """

    def __init__(
        self,
        view: LiveView | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        rehearsing: bool = False,
    ) -> None:
        self.view = LiveView() if view is None else view
        self._clock = clock
        self._rehearsing = rehearsing
        self._turns: dict[str, int] = {}

    def place(
        self, model: Model, ref: ModelRef, among: Sequence[Endpoint] | None = None
    ) -> Placement:
        """An endpoint of `model` for `ref`; of those in `among`, where that is given."""
        now = self._clock()
        endpoints = among or model.endpoints
        if len(endpoints) == 1 and self.view.served_by(endpoints[0]) is None:
            if not self._rehearsing:
                self.view.sent(endpoints[0], ref.lora, now)
            return Placement(endpoints[0], "the only one")
        turn = self._turns[model.name] = self._turns.get(model.name, -1) + 1
        states = {e.name: self.view.state(e, now) for e in endpoints}
        situation = Situation(states, random.random(), turn)
        placement = choose_endpoint(endpoints, ref, model.balancing, situation)
        if placement.endpoint is not None and not self._rehearsing:
            self.view.sent(placement.endpoint, ref.lora, now)
        return placement

    def responded(self, endpoint: Endpoint, status: int) -> None:
        """An endpoint answered a request with this status."""
        self.view.responded(endpoint, status, self._clock())

    def discover(self, name: str, catalog: Catalog) -> ModelRef | None:
        """The adapter `name` of a model in `catalog`, if an endpoint of that model lists it."""
        for model in catalog.models.values():
            for endpoint in model.endpoints:
                served = self.view.served_by(endpoint)
                if served and served.parents.get(name) == model.name:
                    return ModelRef(model.name, name)
        return None

    def discovered(self, catalog: Catalog) -> Iterator[ModelRef]:
        """The adapters that endpoints list and the catalog does not know."""
        listed = (
            (model.name, served.parents)
            for model in catalog.models.values()
            for endpoint in model.endpoints
            if (served := self.view.served_by(endpoint))
        )
        found = {
            name: base
            for model, parents in listed
            for name, base in parents.items()
            if base == model and catalog.find(name) is None
        }
        return (ModelRef(base, name) for name, base in sorted(found.items()))
