"""Which endpoints are meant, and what is said where none can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from router.adapters.targets import Misdirected, Wanted, to_load, to_unload
from router.catalog import Adapter, Catalog, Endpoint, Model, ModelRef

A, B, C = (Endpoint(f"vllm-{name}", "10.0.0.1", 8000 + at) for at, name in enumerate("abc"))
CATALOG = Catalog(
    {
        "llama": Model("llama", (A, B), (Adapter("legal-lora", "llama"),)),
        "qwen": Model("qwen", (C,), (Adapter("code-lora", "qwen"),)),
    },
    {endpoint.name: endpoint for endpoint in (A, B, C)},
    ModelRef("llama"),
)

Choose = Callable[[Catalog, Wanted], Sequence[Endpoint]]


@pytest.mark.parametrize("choose", [to_load, to_unload])
@pytest.mark.parametrize(
    ("wanted", "endpoints"),
    [
        (Wanted("legal-lora"), [A, B]),
        (Wanted("legal-lora", "llama"), [A, B]),
        (Wanted("legal-lora", None, ("vllm-b", "vllm-b")), [B]),
        (Wanted("new", "qwen"), [C]),
        (Wanted("new", "llama", ("vllm-b", "vllm-a")), [B, A]),
        (Wanted("new", None, ("vllm-c",)), [C]),
    ],
)
def test_the_endpoints_of_the_base_model_or_those_named_of_them(
    choose: Choose, wanted: Wanted, endpoints: list[Endpoint]
) -> None:
    assert list(choose(CATALOG, wanted)) == endpoints


def test_an_adapter_is_not_loaded_where_its_base_model_is_not() -> None:
    with pytest.raises(Misdirected) as caught:
        to_load(CATALOG, Wanted("legal-lora", None, ("vllm-a", "vllm-c")))
    assert str(caught.value) == (
        "endpoint 'vllm-c' does not serve 'llama', the base model of 'legal-lora'; expected "
        "'vllm-a', 'vllm-b'"
    )


def test_it_is_unloaded_there_all_the_same() -> None:
    assert list(to_unload(CATALOG, Wanted("legal-lora", None, ("vllm-c",)))) == [C]


@pytest.mark.parametrize("choose", [to_load, to_unload])
@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            Wanted("legal-lora", None, ("vlm-a",)),
            "endpoint 'vlm-a' is not in the configuration; did you mean 'vllm-a'?",
        ),
        (
            Wanted("new", "zephyr"),
            "base model 'zephyr' is not in the configuration; expected 'llama', 'qwen'",
        ),
        (
            Wanted("zzz"),
            "adapter 'zzz' is not in the configuration; expected --base or --endpoint",
        ),
        (
            Wanted("legal-lora", "qwen"),
            "adapter 'legal-lora' belongs to base model 'llama', found 'qwen'",
        ),
        (Wanted("llama"), "'llama' is a base model, expected the name of an adapter"),
        (
            Wanted("MoM", "llama"),
            "'MoM' asks the router to choose, expected the name of an adapter",
        ),
    ],
)
def test_what_the_file_makes_impossible_is_refused(
    choose: Choose, wanted: Wanted, message: str
) -> None:
    with pytest.raises(Misdirected) as caught:
        choose(CATALOG, wanted)
    assert str(caught.value) == message
