"""What an endpoint should have against what it has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.adapters.listing import Listing, Stranger, account, belongs, compare
from router.catalog import Adapter, Catalog, Endpoint, Model, ModelRef
from router.endpoints.vllm import Served

A = Endpoint("vllm-a", "10.0.0.1", 8000)
B = Endpoint("vllm-b", "fd00::1", 8001)
CATALOG = Catalog(
    {
        "llama": Model("llama", (A,), (Adapter("legal", "llama"), Adapter("code", "llama"))),
        "qwen": Model("qwen", (A, B), (Adapter("maths", "qwen"),)),
    },
    {"vllm-a": A, "vllm-b": B},
    ModelRef("llama"),
)


def test_an_endpoint_should_have_its_base_models_and_their_adapters_in_the_order_of_the_file() -> (
    None
):
    assert list(belongs(CATALOG, A).items()) == [
        ("llama", None),
        ("legal", "llama"),
        ("code", "llama"),
        ("qwen", None),
        ("maths", "qwen"),
    ]
    assert list(belongs(CATALOG, B)) == ["qwen", "maths"]


def test_what_is_not_for_this_endpoint_is_a_stranger_with_its_home() -> None:
    served = Served(frozenset({"qwen", "maths", "legal", "b", "a"}), {"b": "qwen"})
    assert compare(CATALOG, B, served).strangers == (
        Stranger("a", None, ()),
        Stranger("b", "qwen", ()),
        Stranger("legal", None, ("vllm-a",)),
    )


def test_of_an_endpoint_that_did_not_answer_nothing_is_said_to_be_missing() -> None:
    silent = Listing(B, belongs(CATALOG, B), error="not reachable: connection refused")
    assert (silent.loaded, silent.missing, silent.complete) == ([], [], False)
    found = account([silent], "c0ffee")
    assert not found["complete"]
    assert found["endpoints"][0] == {
        "name": "vllm-b",
        "address": "[fd00::1]:8001",
        "error": "not reachable: connection refused",
        "configured": [{"name": "qwen", "base": None}, {"name": "maths", "base": "qwen"}],
        "loaded": None,
        "missing": None,
        "unknown": None,
    }


@given(st.frozensets(st.sampled_from(["llama", "legal", "code", "qwen", "maths", "x", "y"])))
def test_every_name_is_in_one_place_only(names: frozenset[str]) -> None:
    listing = compare(CATALOG, A, Served(names, {}))
    strangers = [stranger.name for stranger in listing.strangers]
    assert sorted(listing.loaded + strangers) == sorted(names)
    assert sorted(listing.loaded + listing.missing) == sorted(belongs(CATALOG, A))
    assert listing.complete is (belongs(CATALOG, A).keys() <= names)
