"""Categories found by what they say of themselves: which are meant, and how sure a match is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from router.config.classifier import CategoryModel
from router.config.schema import Category
from router.encoder.batcher import Batcher
from router.encoder.onnx import OnnxModel
from router.errors import Overloaded
from router.matches import Match
from router.signals import REGISTRY, Report
from router.signals.anchors import SMALL_TALK
from router.signals.description import Described, DescriptionSignal, clauses_of
from router.signals.embedder import Embedder
from router.signals.space import Space
from router.testing import FakeEncoder
from tests.signals.meanings import WIDTH, Server, Shelf, blank, category, config, encoder, saying

ROOT = Path(__file__).parents[2]
LABELLED = FakeEncoder({}, labels=("law", "other"), aliases={"legal": ("law",)})


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


async def build(shelf: Shelf | None = None, **sections: Any) -> DescriptionSignal | None:
    return await DescriptionSignal.build(config(**sections), shelf or Shelf(encoder(), LABELLED))


async def names(shelf: Shelf | None = None, **sections: Any) -> list[str]:
    """The categories that are matched by description."""
    signal = await build(shelf, **sections)
    if signal is None:
        return []
    return [match.name for match in (await signal.evaluate(saying("poem"))).matches]


async def matches(
    text: str, *categories: dict[str, Any], fake: FakeEncoder | None = None, threshold: float = 0.5
) -> dict[str, Match]:
    space = replace(Space.around(np.zeros((1, WIDTH), np.float32)), spread=0.1)
    embedder = Embedder(fake or encoder(), space, timeout=1.0)
    read = await Described.read([described(entry) for entry in categories], embedder)
    small_talk = await embedder.phrases(SMALL_TALK)
    signal = DescriptionSignal(embedder, read, small_talk, threshold=threshold)
    report = await signal.evaluate(saying(text))
    assert report.error is None
    return {match.name: match for match in report.matches}


def described(entry: dict[str, Any]) -> Category:
    return Category.model_validate(entry)


def test_the_registry_knows_the_signal() -> None:
    assert REGISTRY["description"] == f"{DescriptionSignal.__module__}:{DescriptionSignal.__name__}"
    assert (DescriptionSignal.kind, DescriptionSignal.waits) == ("description", True)


async def test_a_prompt_that_means_the_description_matches() -> None:
    found = await matches(
        "my pc is dead", category("devices", "laptop"), category("leave", "holiday")
    )
    assert (found["devices"].holds, found["leave"].holds) == (True, False)
    assert found["devices"].confidence > 0.9 > 0.5 > found["leave"].confidence
    assert found["devices"].detail == {"score": 0.96, "background": 0.0, "threshold": 0.5}


async def test_the_closest_clause_counts_beside_the_whole() -> None:
    found = await matches("my pc is dead", category("all", "invoice, laptop"))
    assert found["all"].detail["score"] == pytest.approx(0.48)  # the whole has no vector here


async def test_the_name_is_a_part_of_what_is_said() -> None:
    found = await matches("my pc is dead", category("laptop", "invoice"))
    # half of: the whole (invoice + laptop / 2), and the name as the closest clause
    assert found["laptop"].detail["score"] == pytest.approx((0.96 * 0.2**0.5 + 0.96) / 2, abs=1e-3)


@pytest.mark.parametrize(("threshold", "holds"), [(0.9, True), (0.999, False)])
async def test_the_threshold_decides_what_holds(threshold: float, holds: bool) -> None:
    found = await matches("halfway", category("devices", "laptop"), threshold=threshold)
    assert found["devices"].confidence == pytest.approx(0.997, abs=1e-3)
    assert found["devices"].holds is holds
    assert found["devices"].detail["threshold"] == threshold


async def test_what_resembles_small_talk_more_is_not_matched() -> None:
    vectors = {"laptop": [1, 0, 0, 0], "hm": [0.8, 0.6, 0, 0], SMALL_TALK[0]: [0.6, 0.8, 0, 0]}
    fake, devices = FakeEncoder({}, vectors=vectors), category("devices", "laptop")
    found = (await matches("hm", devices, fake=fake))["devices"]
    assert found.detail == {"score": 0.8, "background": 0.96, "threshold": 0.5}
    assert not found.holds
    assert (await matches("laptop", devices, fake=fake))["devices"].holds


async def test_a_prompt_as_far_from_a_description_as_any_other_does_not_match() -> None:
    found = await matches("days off", category("devices", "laptop"), category("money", "invoice"))
    assert found["devices"].confidence < 0.01
    assert 0.1 < found["money"].confidence < 0.5  # nearly three spreads are not enough


async def test_the_configured_threshold_counts() -> None:
    settings = {"category_model": {"model_id": "model"}, "description_threshold": 1.0}
    signal = await build(categories=[category("devices", "laptop")], classifier=settings)
    assert signal is not None
    (found,) = (await signal.evaluate(saying("laptop"))).matches
    assert found.detail["threshold"] == 1.0


async def test_only_categories_that_nothing_else_names_are_meant() -> None:
    rules = {
        "keyword_rules": [{"category": "by keyword", "keywords": ["x"]}],
        "embedding_rules": [{"name": "by phrase", "candidates": ["poem"]}],
        "signals": {
            "keywords": [{"name": "by keyword signal", "keywords": ["x"]}],
            "embeddings": [{"name": "by phrase signal", "candidates": ["poem"]}],
        },
    }
    declared = [
        category("law", "a label"),
        category("Legal", "an alias"),
        category("courts", "labels under another name", mmlu_categories=["law"]),
        *(category(name, "a rule's") for name in ("by keyword", "by phrase")),
        *(category(name, "a signal's") for name in ("by keyword signal", "by phrase signal")),
        category("undescribed"),
        category("blank", "  "),
        category("devices", "laptop"),
    ]
    assert await names(categories=declared, **rules) == ["devices"]


@pytest.mark.parametrize(
    ("order", "left"),
    [
        (["description"], ["law", "listed"]),
        (["keyword", "description"], ["law"]),
        (["description", "domain"], ["listed"]),
    ],
)
async def test_a_method_that_is_not_used_names_nothing(order: list[str], left: list[str]) -> None:
    declared = [category("law", "laws"), category("listed", "words")]
    rules = [{"category": "listed", "keywords": ["x"]}]
    found = await names(categories=declared, keyword_rules=rules, classification_order=order)
    assert found == left


async def test_a_classifier_beside_an_embedding_model_still_names_its_labels() -> None:
    declared = [category("law", "laws"), category("devices", "laptop")]
    assert await names(categories=declared, embedding_model={"model_id": "other"}) == ["devices"]


async def test_an_embedding_model_is_enough() -> None:
    alone: dict[str, Any] = {"classifier": {}, "embedding_model": {"model_id": "other"}}
    assert await names(categories=[category("law", "laws")], **alone) == ["law"]


async def test_there_is_no_signal_without_a_category_to_describe_or_a_model_to_do_it() -> None:
    described = [category("devices", "laptop")]
    assert await build(categories=[category("law", "laws")]) is None
    assert await build(categories=described, classifier={}) is None
    assert await build(Shelf(LABELLED), categories=described) is None  # labels, but no vectors


async def test_categories_that_the_mcp_server_lists_are_its_own() -> None:
    server = Server()
    shelf = Shelf(encoder(), LABELLED, server)
    settings = {
        "category_model": {"model_id": "model"},
        "mcp_category_model": {"enabled": True, "url": "http://127.0.0.1:1/mcp"},
    }
    declared = [category("devices", "laptop"), category("leave", "holiday")]
    signal = await build(shelf, categories=declared, classifier=settings)
    assert signal is not None
    report = await signal.evaluate(saying("poem"))
    assert [match.name for match in report.matches] == ["devices", "leave"]
    server.categories = ("leave", "tenants")
    report = await signal.evaluate(saying("poem"))
    assert [match.name for match in report.matches] == ["devices"]


async def test_a_prompt_without_text_is_not_embedded() -> None:
    signal = await build(categories=[category("devices", "laptop")])
    assert signal is not None
    assert await signal.evaluate(blank()) == Report("description", facts={"text": "empty"})


async def test_a_failure_is_reported_and_not_raised() -> None:
    fake = encoder()
    signal = await build(Shelf(fake, LABELLED), categories=[category("devices", "laptop")])
    assert signal is not None
    fake.failure = Overloaded("full")
    report = await signal.evaluate(saying("laptop"))
    assert (report.error, report.matches) == (fake.failure, ())


async def test_the_report_tells_how_the_prompt_was_read() -> None:
    signal = await build(categories=[category("devices", "laptop")])
    assert signal is not None
    report = await signal.evaluate(saying("my pc is dead"))
    assert report.facts == {"tokens": 4, "truncated": False, "cached": False}


@pytest.mark.parametrize(
    ("name", "description", "clauses"),
    [
        ("car-care", "Oil, tyres and brakes", ("car care", "Oil", "tyres", "brakes")),
        ("宠物", "猫、狗，以及鸟类。", ("宠物", "以及鸟类")),
        (
            "tv_sets",
            "TV: screens or (remote) controls!",
            ("tv sets", "screens", "remote", "controls"),
        ),
        ("notes", "standards of order", ("notes", "standards of order")),
    ],
)
def test_a_description_is_read_clause_by_clause(
    name: str, description: str, clauses: tuple[str, ...]
) -> None:
    assert clauses_of(described(category(name, description))) == clauses


# The shipped model.


CATEGORIES = (
    described(category("parking-permits", "Parking permits for residents, zones and fines")),
    described(category("recipes", "Recipes, ingredients and cooking times")),
    described(category("图书馆", "图书馆借书、还书、续借和开放时间")),
    described(category("自行车", "自行车维修和配件：链条、刹车、轮胎")),
)


@pytest.fixture(scope="module")
def model() -> OnnxModel:
    return OnnxModel.load(ROOT / "models" / "mom-domain-classifier")


@pytest.fixture
async def signal(model: OnnxModel) -> AsyncIterator[DescriptionSignal]:
    batcher = Batcher(model)
    embedder = await Embedder.open(batcher, CategoryModel(model_id="model", timeout_ms=60_000))
    small_talk = await embedder.phrases(SMALL_TALK)
    read = await Described.read(CATEGORIES, embedder)
    yield DescriptionSignal(embedder, read, small_talk, threshold=0.5)
    await batcher.close()


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("how do I renew my resident parking permit", "parking-permits"),
        ("which ingredients do I need for a lasagna, and how long does it cook", "recipes"),
        ("逾期还书要罚多少钱", "图书馆"),
        ("公路车轮胎打多少气压", "自行车"),
    ],
)
async def test_a_new_category_needs_one_line(
    signal: DescriptionSignal, prompt: str, name: str
) -> None:
    report = await signal.evaluate(saying(prompt))
    assert [match.name for match in report.matches if match.holds] == [name]


@pytest.mark.parametrize(
    "prompt",
    [
        *("hi", "ok", "thanks!", "你好", "谢谢", "继续", "yes please", "1+1", "asdfgh", "???"),
        "Explain async/await in JavaScript",
        "What causes high blood pressure?",
        "who was Napoleon",
        "违约的诉讼时效是多久？",
        "给我讲个笑话",
        "求函数 f(x)=x^2 的导数",
    ],
)
async def test_unrelated_prompts_and_small_talk_match_nothing(
    signal: DescriptionSignal, prompt: str
) -> None:
    report = await signal.evaluate(saying(prompt))
    assert len(report.matches) == len(CATEGORIES)
    assert not any(match.holds for match in report.matches)
