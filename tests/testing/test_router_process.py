from __future__ import annotations

from pathlib import Path

import pytest

from router.config import load
from router.config.schema import Classifier
from router.testing import RouterProcess, on_free_ports
from router.testing.router_process import write_config
from tests.e2e.conftest import in_mode, read_config


def test_a_written_configuration_is_read_back_the_same(tmp_path: Path) -> None:
    config = in_mode(on_free_ports(read_config(on_error="reject"), [7]), "FULL_DUPLEX_STREAMED")
    path = write_config(config, tmp_path / "config.yaml")
    assert load(path, check_files=False).config == config


async def test_the_process_serves_and_stops(tmp_path: Path) -> None:
    config = on_free_ports(read_config(classifier=Classifier(), categories=()), [1])
    async with RouterProcess(config, tmp_path) as router:
        assert await router.ready()
    assert not await router.ready()
    assert router.process.returncode == 0


async def test_a_router_that_cannot_start_says_why(tmp_path: Path) -> None:
    missing = read_config()
    assert missing.classifier.category_model is not None
    model = missing.classifier.category_model.model_copy(update={"model_id": "no/such/model"})
    classifier = missing.classifier.model_copy(update={"category_model": model})
    config = on_free_ports(missing.model_copy(update={"classifier": classifier}), [1])
    with pytest.raises(RuntimeError, match="no/such/model"):
        await RouterProcess(config, tmp_path).start()
