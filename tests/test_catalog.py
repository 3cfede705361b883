"""What can be asked for by name."""

from __future__ import annotations

from router.catalog import Catalog, ModelRef


def test_an_adapter_is_found_with_its_base_model(catalog: Catalog) -> None:
    assert catalog.find("code-lora") == ModelRef("qwen3-8b", "code-lora")


def test_a_base_model_is_found_as_itself(catalog: Catalog) -> None:
    assert catalog.find("qwen3-8b") == ModelRef("qwen3-8b")


def test_what_is_not_there_is_not_found(catalog: Catalog) -> None:
    assert catalog.find("MoM") is None
    assert catalog.find("CODE-LORA") is None


def test_the_backend_is_asked_for_the_adapter_where_there_is_one() -> None:
    assert ModelRef("base", "lora").served_name == "lora"
    assert ModelRef("base").served_name == "base"
