"""How listings and changes look."""

from __future__ import annotations

from router.adapters.change import Change
from router.adapters.listing import Listing, Stranger
from router.adapters.text import changed, listed
from router.catalog import Endpoint
from router.endpoints.adapters import Outcome
from router.endpoints.vllm import Served
from router.explain.cells import width

HERE = Endpoint("vllm-a", "10.0.0.1", 8000)
THERE = Endpoint("vllm-longer", "10.0.0.2", 8000)


def has(*names: str, strangers: tuple[Stranger, ...] = ()) -> Listing:
    configured = dict.fromkeys(names, "llama")
    return Listing(HERE, configured, strangers, Served(frozenset(names), {}))


def test_columns_line_up_where_names_are_chinese() -> None:
    lines = list(listed([has("法律顾问", "legal-lora")]))
    at = [width(line[: line.index("loaded")]) for line in lines[1:]]
    assert len(set(at)) == 1


def test_a_reason_is_not_squeezed_into_a_column() -> None:
    silent = Listing(THERE, {}, error="not reachable: connection refused")
    assert list(listed([has("legal"), silent])) == [
        "endpoint     model  state   base",
        "vllm-a       legal  loaded  llama",
        "vllm-longer  not reachable: connection refused",
    ]


def test_names_that_a_server_made_up_cannot_break_the_table() -> None:
    odd = Stranger("evil\x1b[2J\nvllm-a  legal  loaded", "p\x07" * 200, ())
    lines = list(listed([has(strangers=(odd,))]))
    assert len(lines) == 2
    assert all(line.isprintable() and len(line) < 200 for line in lines)


def test_of_very_many_strangers_the_first_are_shown_and_the_rest_counted() -> None:
    strangers = tuple(Stranger(f"x{index:03}", None, ()) for index in range(120))
    lines = list(listed([has(strangers=strangers)]))
    assert len(lines) == 1 + 20 + 1
    assert lines[-1].split() == ["vllm-a", "100", "more", "unknown", "see", "--json"]


def test_a_change_is_a_line_for_each_endpoint() -> None:
    changes = [Change(HERE, Outcome.NOT_LOADED), Change(THERE, error="status 500: no memory")]
    assert list(changed(changes)) == [
        "vllm-a       not loaded",
        "vllm-longer  failed: status 500: no memory",
    ]
