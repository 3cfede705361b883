"""Models are loaded once, kept as long as somebody uses them, and then closed."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.config.classifier import CategoryModel, EmbeddingModel, McpCategoryModel
from router.errors import ClassifierFailed, ModelFilesError
from router.holdings import Holdings
from tests.encoder.tiny import Recipe, write_model

NOWHERE = McpCategoryModel(enabled=True, url="http://127.0.0.1:1/mcp")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    write_model(tmp_path / "model", Recipe())
    return tmp_path / "model"


@pytest.fixture
def settings() -> CategoryModel:
    return CategoryModel(model_id="model")


@pytest.fixture
async def holdings() -> AsyncIterator[Holdings]:
    holdings = Holdings()
    yield holdings
    await holdings.close()


async def test_two_snapshots_share_a_model(
    holdings: Holdings, model: Path, settings: CategoryModel
) -> None:
    first, second = holdings.lease(), holdings.lease()
    assert first.encoder(model, settings) is second.encoder(model, settings)
    assert first.encoder(model, settings) is first.encoder(model, settings)
    assert holdings.held == 1


async def test_one_model_serves_two_purposes_where_the_settings_agree(
    holdings: Holdings, model: Path, settings: CategoryModel
) -> None:
    lease = holdings.lease()
    assert lease.encoder(model, settings) is lease.encoder(model, EmbeddingModel(model_id="m"))
    other = EmbeddingModel(model_id="m", max_head_tokens=7)
    assert lease.encoder(model, settings) is not lease.encoder(model, other)


async def test_a_model_lives_as_long_as_somebody_uses_it(
    holdings: Holdings, model: Path, settings: CategoryModel
) -> None:
    first, second = holdings.lease(), holdings.lease()
    encoder = first.encoder(model, settings)
    second.encoder(model, settings)
    first.release()
    first.release()
    assert (await encoder.encode("a doctor")).tokens
    second.release()
    assert holdings.held == 0
    await holdings.close()
    with pytest.raises(ClassifierFailed):
        await encoder.encode("a pill")


async def test_a_model_whose_files_were_replaced_is_loaded_anew(
    holdings: Holdings, model: Path, settings: CategoryModel
) -> None:
    before = holdings.lease().encoder(model, settings)
    write_model(model, Recipe(labels=("health", "law", "others")))
    assert holdings.lease().encoder(model, settings) is not before


async def test_a_model_that_cannot_be_loaded_is_not_held(
    holdings: Holdings, tmp_path: Path, settings: CategoryModel
) -> None:
    with pytest.raises(ModelFilesError):
        holdings.lease().encoder(tmp_path, settings)
    assert holdings.held == 0


async def test_connections_are_kept_by_their_settings(holdings: Holdings) -> None:
    first, second = holdings.lease(), holdings.lease()
    server = first.mcp_server(NOWHERE)
    assert second.mcp_server(NOWHERE) is server
    assert second.mcp_server(NOWHERE.model_copy(update={"threshold": 0.9})) is server
    elsewhere = NOWHERE.model_copy(update={"url": "http://127.0.0.1:2/mcp"})
    assert second.mcp_server(elsewhere) is not server
    assert holdings.held == 2


async def test_everything_is_closed_in_the_end(
    holdings: Holdings, model: Path, settings: CategoryModel
) -> None:
    encoder = holdings.lease().encoder(model, settings)
    await asyncio.wait_for(holdings.warm(), 30)
    await holdings.close()
    with pytest.raises(ClassifierFailed):
        await encoder.encode("a doctor")


async def test_another_deadline_needs_no_other_model(
    holdings: Holdings, model: Path, settings: CategoryModel
) -> None:
    patient = settings.model_copy(update={"timeout_ms": 9})
    lease = holdings.lease()
    assert lease.encoder(model, settings) is lease.encoder(model, patient)


async def test_a_changed_mapping_makes_another_model(
    holdings: Holdings, model: Path, settings: CategoryModel, tmp_path: Path
) -> None:
    mapping = tmp_path / "category_mapping.json"
    names = {"0": "health", "1": "law", "2": "other"}
    mapping.write_text(json.dumps({"idx_to_category": names}))
    before = holdings.lease().encoder(model, settings, mapping)
    aliases = {"medicine": ["health"]}
    mapping.write_text(json.dumps({"idx_to_category": names, "aliases": aliases}))
    after = holdings.lease().encoder(model, settings, mapping)
    assert after.aliases == {"medicine": ("health",)}
    assert before is not after


async def test_a_closed_model_leaves_memory_although_the_collector_never_looks(
    holdings: Holdings, model: Path, settings: CategoryModel
) -> None:
    lease = holdings.lease()
    gone = weakref.ref(lease.encoder(model, settings))
    await holdings.warm()
    gc.disable()
    try:
        lease.release()
        await holdings.close()
        assert gone() is None
    finally:
        gc.enable()
