"""What adapter affinity saves: a seeded simulation of endpoints that load adapters on demand.

Each endpoint keeps as many adapters in memory as it has slots, the least recently used goes first;
requests ask for adapters by Zipf's law and take longer where the adapter must be loaded. The router
knows only what it sent.
"""

from __future__ import annotations

import random
from collections import Counter, OrderedDict

from router.balancing import Situation, choose_endpoint
from router.catalog import Balancing, Endpoint, ModelRef
from router.endpoints.view import LiveView

ENDPOINTS = 3
ADAPTERS = 30
SLOTS = 8
REQUESTS = 10_000
PER_SECOND = 20.0


def simulate(strategy: Balancing, seed: int = 1) -> tuple[int, float]:
    """Adapter loads, and the busiest endpoint's requests over the mean."""
    chance = random.Random(seed)
    endpoints = [Endpoint(f"vllm-{index}", "127.0.0.1", 8000 + index) for index in range(ENDPOINTS)]
    shares = [1 / (rank + 1) for rank in range(ADAPTERS)]
    memory: dict[str, OrderedDict[str, None]] = {e.name: OrderedDict() for e in endpoints}
    view, sent, loads, now = LiveView(), Counter[str](), 0, 0.0
    for turn in range(REQUESTS):
        now += chance.expovariate(PER_SECOND)
        (rank,) = chance.choices(range(ADAPTERS), shares)
        ref = ModelRef("llama", f"adapter-{rank}")
        situation = Situation(
            {e.name: view.state(e, now) for e in endpoints}, chance.random(), turn
        )
        endpoint = choose_endpoint(endpoints, ref, strategy, situation).endpoint
        assert endpoint is not None
        view.sent(endpoint, ref.lora, now)
        sent[endpoint.name] += 1
        loads += _use(memory[endpoint.name], ref.served_name)
    return loads, max(sent.values()) / (REQUESTS / ENDPOINTS)


def _use(memory: OrderedDict[str, None], adapter: str) -> bool:
    """Whether the adapter had to be loaded."""
    missing = adapter not in memory
    memory[adapter] = None
    memory.move_to_end(adapter)
    if len(memory) > SLOTS:
        memory.popitem(last=False)
    return missing
