"""A vLLM server's pages, as they are and as they should not be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.endpoints.vllm import Load, Served, read_metrics, read_models

PAGE = """
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="llama"} 3.0
vllm:num_requests_waiting{engine="0",model_name="llama"} 2.0
vllm:kv_cache_usage_perc{engine="0",model_name="llama"} 0.25
vllm:num_requests_running_total{engine="0"} 99.0
vllm:lora_requests_info{max_lora="4",running_lora_adapters="old"} 1.7e+09
vllm:lora_requests_info{max_lora="4",running_lora_adapters="a,b",waiting_lora_adapters="b, c"} 1.8e9
"""


def test_a_page_tells_load_and_adapters() -> None:
    assert read_metrics(PAGE) == Load(2.0, 3.0, 0.25, frozenset("abc"), 4)


def test_engines_of_one_server_are_added_up() -> None:
    page = (
        PAGE + 'vllm:num_requests_running{engine="1"} 4\nvllm:kv_cache_usage_perc{engine="1"} 0.5\n'
    )
    load = read_metrics(page)
    assert (load.running, load.cache_usage) == (7.0, 0.5)


def test_a_page_that_says_nothing_says_nothing() -> None:
    assert read_metrics("") == read_metrics("python_info 1.0\n") == Load()


@pytest.mark.parametrize("value", ["NaN", "-1", "+Inf", "many", ""])
def test_a_number_without_sense_counts_as_not_said(value: str) -> None:
    assert read_metrics(f"vllm:num_requests_waiting{{}} {value}\n").waiting is None


@given(st.text())
def test_no_page_makes_it_fail(page: str) -> None:
    read_metrics(page)
    read_metrics(f'vllm:lora_requests_info{{max_lora="{page}"}} 1\n')


def test_a_list_of_models_tells_adapters_and_their_base() -> None:
    body = b"""{"object": "list", "data": [
        {"id": "llama", "object": "model", "parent": null, "root": "/models/llama"},
        {"id": "legal-lora", "object": "model", "parent": "llama"}]}"""
    assert read_models(body) == Served(frozenset({"llama", "legal-lora"}), {"legal-lora": "llama"})


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"data": [{"name": 1}]}', b'{"data": {}}', b"\xff", b"[" * 9999]
)
def test_an_answer_that_is_no_list_of_models_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="the answer is no list of models"):
        read_models(body)
