"""What the script says; that it does so is shown on real Envoy in tests/e2e/test_failures.py."""

from __future__ import annotations

from router.config import Config
from router.envoy_config.fallback import script, use_default_model
from tests.envoy_config.conftest import rendered


def test_names_are_matched_without_their_magic() -> None:
    text = script(["a-b.c"], "m")
    assert r'("model"%s*:%s*)'.replace('"', r"\"") + r"%\"a%-b%.c%\"" in text


def test_the_replacement_has_no_magic_either() -> None:
    assert r'"%1\"100%%\""' in script(["auto"], "100%")


def test_every_auto_name_is_looked_for(config: Config) -> None:
    (setting,) = use_default_model(config).values()
    text = setting.unpack().source_code.inline_string
    assert r"%\"MoM%\"" in text
    assert r"%\"auto%\"" in text
    assert r"%1\"llama2-7b\"" in text


def test_the_script_runs_on_the_fallback_route_alone(config: Config) -> None:
    routes = rendered(config).routes
    assert "envoy.filters.http.lua" in routes["fallback"]["typed_per_filter_config"]
    assert "typed_per_filter_config" not in routes["selected"]


def test_there_is_no_script_where_nothing_passes_without_the_router(config: Config) -> None:
    both = rendered(config.model_copy(update={"on_error": "reject"}))
    assert "typed_per_filter_config" not in both.routes["fallback"]
    assert "envoy.filters.http.lua" not in both.filters


def test_it_is_noted_that_the_router_had_no_part() -> None:
    line = 'request:streamInfo():dynamicMetadata():set("lora-router", "failed_open", "true")'
    assert line in script(["auto"], "m")


def test_a_name_may_be_a_word_of_the_template() -> None:
    text = script(["REPLACEMENT"], "KEY")
    assert r"%\"REPLACEMENT%\"" in text
    assert r"%1\"KEY\"" in text
