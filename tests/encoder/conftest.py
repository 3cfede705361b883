"""Model directories on demand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.encoder.tiny import Builder, Recipe, write_model


@pytest.fixture
def build(tmp_path: Path) -> Builder:
    """Write a model directory; keyword arguments are the recipe's."""

    def make(name: str = "model", **recipe: object) -> Path:
        directory = tmp_path / name
        write_model(directory, Recipe(**recipe))  # type: ignore[arg-type]
        return directory

    return make
