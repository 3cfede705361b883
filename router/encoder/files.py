"""What a classifier directory holds: the graph, the tokenizer and the settings beside them.

Knows the file names that Hugging Face exports use and how to mend a directory that lacks one;
leaves label names to `labels` and the graph itself to `onnx`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.errors import ModelFilesError

GRAPHS = ("model.onnx", "onnx/model.onnx", "model_quantized.onnx", "onnx/model_quantized.onnx")
WEIGHTS = ("*.safetensors", "pytorch_model*.bin", "*.pt", "*.pth")
SLOW_TOKENIZERS = (
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "spm.model",
)
LFS_POINTER = b"version https://git-lfs"


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A directory with everything needed; `pooling` is `mean`, `cls` or not stated."""

    directory: Path
    graph: Path
    tokenizer: Path
    config: Mapping[str, Any]
    pooling: str | None

    @property
    def max_positions(self) -> int | None:
        """How many tokens the graph has positions for, if config.json says so."""
        positions = self.config.get("max_position_embeddings")
        if not isinstance(positions, int) or positions <= 0:
            return None
        # RoBERTa and its kin count positions from pad_token_id + 1, so the last ones never occur.
        if "roberta" in str(self.config.get("model_type", "")):
            return positions - self.pad_token_id(default=1) - 1
        return positions

    def pad_token_id(self, *, default: int) -> int:
        """config.json's padding token; exports of sentence encoders often leave it out."""
        pad = self.config.get("pad_token_id")
        return pad if isinstance(pad, int) else default


def find_model_files(directory: Path) -> ModelFiles:
    """Raises ModelFilesError naming the path and the mend."""
    if not directory.is_dir():
        raise ModelFilesError(f"{directory}: no such directory{_nearest(directory)}")
    graph = next((path for name in GRAPHS if (path := directory / name).is_file()), None)
    if graph is None:
        raise ModelFilesError(_missing_graph(directory))
    tokenizer = directory / "tokenizer.json"
    if not tokenizer.is_file():
        raise ModelFilesError(_missing_tokenizer(directory))
    config = directory / "config.json"
    return ModelFiles(
        directory,
        graph,
        tokenizer,
        read_json_object(config) if config.is_file() else {},
        _pooling(directory),
    )


def read_json_object(path: Path) -> dict[str, Any]:
    """Raises ModelFilesError if the file is not a JSON object."""
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelFilesError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise ModelFilesError(f"{path}: not JSON: {error}; fetch the file again") from error
    if not isinstance(value, dict):
        raise ModelFilesError(f"{path}: expected a JSON object, found {type(value).__name__}")
    return value


def describe_unreadable(path: Path, error: Exception) -> str:
    """One line on a file that its library refused to read."""
    with path.open("rb") as file:
        if file.read(len(LFS_POINTER)) == LFS_POINTER:
            return f"{path}: a git-lfs pointer, not the file itself; run `git lfs pull`"
    return f"{path}: cannot be read: {first_line(error)}; fetch or export the file again"


def first_line(error: Exception) -> str:
    """What a native library has to say, short enough for one line of ours."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _nearest(directory: Path) -> str:
    parent = directory.parent
    siblings = [path.name for path in parent.iterdir()] if parent.is_dir() else []
    close = difflib.get_close_matches(directory.name, siblings, n=1)
    if close:
        return f"; did you mean {parent / close[0]}?"
    return "; give the path of a directory with model.onnx and tokenizer.json"


def _missing_graph(directory: Path) -> str:
    weights = next((path.name for glob in WEIGHTS for path in directory.glob(glob)), None)
    if weights is None:
        return f"{directory}: no ONNX graph; expected one of {', '.join(GRAPHS)}"
    return (
        f"{directory}: PyTorch weights ({weights}) but no ONNX graph; export it with "
        f"`optimum-cli export onnx --model {directory} --task text-classification {directory}`"
        " (--task feature-extraction for a sentence encoder)"
    )


def _missing_tokenizer(directory: Path) -> str:
    slow = next((name for name in SLOW_TOKENIZERS if (directory / name).is_file()), None)
    found = f"; {slow} alone is not enough" if slow else ""
    return (
        f"{directory}: no tokenizer.json{found}; save one with "
        f"transformers.AutoTokenizer.from_pretrained({str(directory)!r})"
        f".save_pretrained({str(directory)!r})"
    )


def _pooling(directory: Path) -> str | None:
    """sentence-transformers says in a file of its own how its token vectors are pooled."""
    path = directory / "1_Pooling" / "config.json"
    if not path.is_file():
        return None
    modes = read_json_object(path)
    if modes.get("pooling_mode_cls_token"):
        return "cls"
    if modes.get("pooling_mode_mean_tokens"):
        return "mean"
    raise ModelFilesError(f"{path}: only cls and mean pooling are supported")
