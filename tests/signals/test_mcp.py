"""What an MCP server may say of a request, and what comes of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.catalog import Adapter, Catalog, Endpoint, Model, ModelRef
from router.config import Config
from router.config.classifier import McpCategoryModel
from router.errors import ClassifierFailed, DeadlineExceeded, RouterError
from router.matches import Match
from router.mcp_client import McpServer
from router.request import Api, Headers, InferenceRequest, Prompt, Turn
from router.signals import Report
from router.signals.mcp import McpSignal, Names

SECRET = "May I sublet?"
ENDPOINT = Endpoint("vllm-a", "127.0.0.1", 8000)
CATALOG = Catalog(
    {
        "llama": Model("llama", (ENDPOINT,), (Adapter("law-lora", "llama"),)),
        "qwen": Model("qwen", (ENDPOINT,), (Adapter("code-lora", "qwen"),)),
    },
    {"vllm-a": ENDPOINT},
    ModelRef("llama"),
)
LISTED = ("law", "Health", "physics", "history")


class FakeClient:
    """Answers every call with one value, or raises it."""

    def __init__(self, answer: object, categories: tuple[str, ...] = LISTED) -> None:
        self.answer = answer
        self.categories = categories
        self.asked: list[Mapping[str, Any]] = []

    async def call(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(arguments)
        if isinstance(self.answer, Exception):
            raise self.answer
        assert isinstance(self.answer, dict)
        return self.answer


NAMES = Names(["law", "health", "premium"], {"physics": "science"})


def signal(client: FakeClient, **settings: Any) -> McpSignal:
    section = McpCategoryModel(**{"enabled": True, "url": "http://mcp.test/", **settings})
    return McpSignal(client, section, NAMES, CATALOG)


def saying(text: str, **headers: str) -> InferenceRequest:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    turns = (Turn("user", text),)
    return InferenceRequest(Api.CHAT_COMPLETIONS, "MoM", Prompt(turns), headers=Headers(pairs))


async def found(answer: object, **settings: Any) -> Match:
    report = await signal(FakeClient(answer), **settings).evaluate(saying(SECRET))
    assert report.error is None, report.error
    (match,) = report.matches
    return match


async def failure(answer: object, categories: tuple[str, ...] = LISTED) -> str:
    report = await signal(FakeClient(answer, categories)).evaluate(saying(SECRET))
    assert report.matches == ()
    assert isinstance(report.error, ClassifierFailed)
    message = str(report.error)
    assert SECRET not in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ({"category": "law", "confidence": 0.9}, "law"),
        ({"category": "LAW", "confidence": 0.9}, "law"),
        ({"class": 0, "confidence": 0.9}, "law"),
        ({"class": 1, "confidence": 0.9}, "health"),
        ({"class": 2, "confidence": 0.9}, "science"),
        ({"category": "Physics", "class": 0, "confidence": 0.9}, "science"),
        ({"category": "premium", "confidence": 0.9}, "premium"),
    ],
)
async def test_a_category_is_known_by_its_name_its_number_or_its_labels(
    answer: dict[str, Any], name: str
) -> None:
    match = await found(answer)
    assert (match.kind, match.name, match.confidence, match.holds) == ("mcp", name, 0.9, True)
    assert match.ref is None
    assert match.detail == {"category": name}


def test_names_are_those_of_categories_of_conditions_and_of_labels() -> None:
    scores = [{"model": "llama", "score": 1.0}]
    config = Config.model_validate(
        {
            "vllm_endpoints": [{"name": "vllm-a", "address": "127.0.0.1", "port": 8000}],
            "model_config": {"llama": {}},
            "default_model": "llama",
            "categories": [
                {"name": "science", "mmlu_categories": ["physics", "law"], "model_scores": scores},
                {"name": "Law", "mmlu_categories": ["physics"], "model_scores": scores},
            ],
            "decisions": [
                {
                    "name": "d",
                    "rules": {
                        "operator": "NOT",
                        "conditions": [{"type": "mcp", "name": "Premium"}],
                    },
                    "modelRefs": [{"model": "llama"}],
                }
            ],
        }
    )
    names = Names.of(config)
    known = {name: names.known(name) for name in ("PHYSICS", "law", "premium", "history")}
    assert known == {"PHYSICS": "science", "law": "Law", "premium": "Premium", "history": None}


def test_of_two_names_that_differ_in_case_each_is_its_own() -> None:
    names = Names(["Law", "LAW"], {})
    assert [names.known(name) for name in ("Law", "LAW", "law")] == ["Law", "LAW", "Law"]


@pytest.mark.parametrize(
    ("answer", "ref"),
    [
        ({"lora_name": "law-lora"}, ModelRef("llama", "law-lora")),
        ({"model": "llama", "lora_name": "law-lora"}, ModelRef("llama", "law-lora")),
        ({"model": "law-lora", "lora_name": "law-lora"}, ModelRef("llama", "law-lora")),
        ({"model": "code-lora"}, ModelRef("qwen", "code-lora")),
        ({"model": "qwen", "use_reasoning": True}, ModelRef("qwen", use_reasoning=True)),
        ({"lora_name": "law-lora", "class": 99}, ModelRef("llama", "law-lora")),
    ],
)
async def test_a_server_may_name_the_model_or_the_adapter(
    answer: dict[str, Any], ref: ModelRef
) -> None:
    match = await found(answer)
    assert match.ref == ref
    assert (match.name, match.confidence, match.holds) == (ref.served_name, 1.0, True)
    assert match.detail.get("lora_name") == ref.lora
    assert match.detail["model"] == ref.model


async def test_a_category_that_is_known_goes_before_the_model_s_name() -> None:
    match = await found({"category": "law", "lora_name": "code-lora", "confidence": 0.8})
    assert (match.name, match.ref) == ("law", ModelRef("qwen", "code-lora"))
    match = await found({"category": "tenant", "lora_name": "code-lora", "confidence": 0.8})
    assert match.name == "code-lora"
    assert "category" not in match.detail


async def test_reasoning_without_a_model_is_told_and_no_more() -> None:
    match = await found({"category": "law", "confidence": 0.8, "use_reasoning": True})
    assert match.ref is None
    assert match.detail["use_reasoning"] is True


async def test_the_detail_tells_how_undecided_the_server_was() -> None:
    match = await found({"class": 0, "confidence": 0.5, "probabilities": [0.5, 0.5, 0, 0]})
    assert match.detail["entropy"] == 0.5


@pytest.mark.parametrize(("confidence", "holds"), [(0.69, False), (0.7, True), (1, True)])
async def test_the_threshold_itself_suffices(confidence: float, holds: bool) -> None:
    answer = {"category": "law", "confidence": confidence, "lora_name": "law-lora"}
    assert (await found(answer, threshold=0.7)).holds is holds


OUT_OF_RANGE = (
    "mcp answer: class: expected a number from 0 to 3, one of the categories that the server lists"
)
UNKNOWN = "mcp server named a category that the configuration does not know"
LIES = {
    "a category of its own": ({"category": "poetry", "confidence": 1}, UNKNOWN),
    "a listed one that routing does not know": ({"class": 3, "confidence": 1}, UNKNOWN),
    "the prompt as category": ({"category": SECRET, "confidence": 1}, UNKNOWN),
    "a number too high": (
        {"class": 4, "confidence": 1},
        OUT_OF_RANGE,
    ),
    "a number below 0": (
        {"class": -1, "confidence": 1},
        OUT_OF_RANGE,
    ),
    "no name at all": (
        {"confidence": 0.9},
        "mcp answer: category: missing, expected it, or class, lora_name or model, or confidence 0",
    ),
    "no confidence": (
        {"category": "law"},
        "mcp answer: confidence: missing, expected a number from 0 to 1",
    ),
    "an adapter that is none": (
        {"lora_name": "tenant-7", "confidence": 1},
        "mcp answer: lora_name: found 'tenant-7', expected an adapter of the configuration",
    ),
    "a base model as adapter": (
        {"lora_name": "llama", "confidence": 1},
        "mcp answer: lora_name: found 'llama', expected an adapter of the configuration",
    ),
    "a model that is none": (
        {"model": "gpt-4o", "confidence": 1},
        "mcp answer: model: found 'gpt-4o', expected a model or an adapter of the configuration",
    ),
    "the auto name as model": (
        {"model": "MoM", "confidence": 1},
        "mcp answer: model: found 'MoM', expected a model or an adapter of the configuration",
    ),
    "the prompt as model": (
        {"model": SECRET, "confidence": 1},
        "mcp answer: model: expected a model or an adapter of the configuration",
    ),
    "no name as adapter": (
        {"lora_name": "", "confidence": 1},
        "mcp answer: lora_name: expected an adapter of the configuration",
    ),
    "another model's adapter": (
        {"model": "qwen", "lora_name": "law-lora", "confidence": 1},
        "mcp answer: model: expected the base model of the adapter in lora_name",
    ),
    "a known category, but no such model": (
        {"category": "law", "model": "gpt-4o", "confidence": 1},
        "mcp answer: model: found 'gpt-4o', expected a model or an adapter of the configuration",
    ),
    "truth as confidence": (
        {"category": "law", "confidence": True},
        "mcp answer: confidence: expected float | null, got bool",
    ),
}


@pytest.mark.parametrize(("answer", "message"), LIES.values(), ids=LIES)
async def test_a_lie_makes_the_signal_unknown(answer: dict[str, Any], message: str) -> None:
    assert await failure(answer) == message


async def test_a_number_means_nothing_where_no_categories_are_listed() -> None:
    assert await failure({"class": 0, "confidence": 1}, ()) == (
        "mcp answer: class: expected a category by name, for the server lists none"
    )


@pytest.mark.parametrize(
    "answer",
    [
        {"confidence": 0},
        {"category": None, "confidence": 0.0},
        {"class": -1, "confidence": 0},
        {"category": "tenant", "class": 0, "confidence": 0.0},
        {"category": "poetry", "confidence": 0.49},
    ],
    ids=str,
)
async def test_a_server_may_find_nothing(answer: dict[str, Any]) -> None:
    report = await signal(FakeClient(answer)).evaluate(saying(SECRET))
    assert (report.error, report.matches) == (None, ())


async def test_a_failure_is_reported_and_not_raised() -> None:
    error = DeadlineExceeded("no answer of the mcp server within 1 seconds")
    report = await signal(FakeClient(error)).evaluate(saying(SECRET))
    assert (report.error, report.matches) == (error, ())


async def test_the_tool_is_given_the_text_and_the_headers_that_are_there() -> None:
    client = FakeClient({"category": "law", "confidence": 1})
    asked = signal(client, forward_headers=("x-tenant-id", "x-plan"))
    report = await asked.evaluate(saying(SECRET, x_tenant_id="a", x_other="b"))
    assert client.asked == [
        {"text": SECRET, "with_probabilities": True, "headers": {"x-tenant-id": "a"}}
    ]
    assert report.facts == {
        "threshold": 0.5,
        "headers": ["x-tenant-id"],
        "truncated": False,
        "cached": False,
    }


async def test_without_headers_to_forward_there_is_no_such_argument() -> None:
    client = FakeClient({"category": "law", "confidence": 1})
    await signal(client).evaluate(saying(SECRET, x_tenant_id="a"))
    assert client.asked == [{"text": SECRET, "with_probabilities": True}]


async def test_an_empty_prompt_is_asked_about_only_with_headers() -> None:
    client = FakeClient({"lora_name": "law-lora"})
    asked = signal(client, forward_headers=("x-tenant-id",))
    report = await asked.evaluate(saying(" \n"))
    assert (report.matches, report.facts) == ((), {"text": "empty"})
    assert client.asked == []
    report = await asked.evaluate(saying(" \n", x_tenant_id="a"))
    assert report.matches[0].name == "law-lora"
    assert client.asked[0]["text"] == ""


@settings(deadline=None)
@given(text=st.text(min_size=1, max_size=300).filter(lambda text: not text.isspace()))
async def test_a_long_prompt_loses_its_middle(text: str) -> None:
    client = FakeClient({"category": "law", "confidence": 1})
    report = await signal(client, max_text_chars=64).evaluate(saying(text))
    (asked,) = client.asked
    assert report.facts["truncated"] is (len(text) > 64)
    if len(text) <= 64:
        assert asked["text"] == text
    else:
        assert asked["text"] == text[:47] + "\n" + text[-16:]


async def test_an_answer_is_remembered_for_the_same_text_and_headers() -> None:
    client = FakeClient({"category": "law", "confidence": 1})
    asked = signal(client, cache_size=8, forward_headers=("x-tenant-id",))
    first = await asked.evaluate(saying(SECRET, x_tenant_id="a"))
    client.answer = {"category": "health", "confidence": 1}
    again = await asked.evaluate(saying(SECRET, x_tenant_id="a"))
    other = await asked.evaluate(saying(SECRET, x_tenant_id="b"))
    assert again.matches == first.matches
    assert [r.facts["cached"] for r in (first, again, other)] == [False, True, False]
    assert other.matches[0].name == "health"
    assert len(client.asked) == 2


@pytest.mark.parametrize("answer", [{"category": "poetry", "confidence": 1}, ClassifierFailed("")])
async def test_a_failure_is_not_remembered(answer: object) -> None:
    client = FakeClient(answer)
    asked = signal(client, cache_size=8)
    assert (await asked.evaluate(saying(SECRET))).error is not None
    client.answer = {"category": "law", "confidence": 1}
    assert (await asked.evaluate(saying(SECRET))).matches[0].name == "law"


async def test_half_a_character_is_a_failure_of_its_own_request() -> None:
    client = FakeClient({"category": "law", "confidence": 1})
    report = await signal(client, cache_size=8).evaluate(saying("\ud800"))
    assert isinstance(report.error, RouterError)


class Resources:
    """Hands out one client, and nothing else."""

    catalog = CATALOG

    def __init__(self, client: Any) -> None:
        self.client = client

    def mcp_server(self) -> Any:
        return self.client

    def category_model(self) -> Any:
        raise AssertionError

    embedding_model = category_model


def config(**server: Any) -> Config:
    return Config.model_validate(
        {
            "vllm_endpoints": [{"name": "vllm-a", "address": "127.0.0.1", "port": 8000}],
            "model_config": {"llama": {"loras": [{"name": "law-lora"}]}},
            "default_model": "llama",
            "categories": [{"name": "law", "model_scores": [{"model": "llama", "score": 1.0}]}],
            "classifier": {"mcp_category_model": server} if server else {},
        }
    )


@pytest.mark.parametrize("server", [{}, {"url": "http://mcp.test/"}, {"enabled": False}], ids=str)
async def test_there_is_no_signal_where_no_server_is_enabled(server: dict[str, Any]) -> None:
    assert await McpSignal.build(config(**server), Resources(None)) is None


async def test_a_real_server_is_asked() -> None:
    script = Path(__file__).parents[1] / "mcp_client" / "stdio_server.py"
    args = ["-I", "-S", str(script)]
    settings = config(enabled=True, command=sys.executable, args=args, timeout_seconds=20.0)
    section = settings.classifier.mcp_category_model
    assert section is not None
    server = McpServer(section)
    server.start()
    try:
        assert await server.tried(20)
        built = await McpSignal.build(settings, Resources(server))
        assert built is not None
        report: Report = await built.evaluate(saying(SECRET))
        assert [(m.name, m.confidence, m.holds) for m in report.matches] == [("law", 0.9, True)]
        error = (await built.evaluate(saying("error"))).error
        assert str(error) == "the mcp tool reported an error"
    finally:
        await server.close()
