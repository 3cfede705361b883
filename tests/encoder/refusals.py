"""What a directory that cannot be used is answered with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.encoder.onnx import OnnxModel
from router.errors import ModelFilesError


def refusal(directory: Path, mapping: Path | None = None) -> str:
    with pytest.raises(ModelFilesError) as caught:
        OnnxModel.load(directory, mapping=mapping)
    message = str(caught.value)
    assert "\n" not in message
    assert str(mapping or directory) in message
    return message


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path
