"""From a trained network to the files that the router loads: int8 graph, tokenizer, label maps.

Every file is written under a temporary name and then renamed, so that a router that watches the
directory never reads half a model.
"""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor

from models.labels import ALIASES, INDEX, LABELS
from models.running import DomainModel
from models.training.calibration import fit_temperature
from models.training.data import Row
from models.training.graph import build_graph
from models.training.network import HEADS, INNER, LAYERS, NORM_EPS, POSITIONS, WIDTH, DomainNetwork

MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"


def export(
    network: DomainNetwork, words: Tensor, tokenizer: str, held_out: Sequence[Row], out: Path
) -> float:
    """Write everything but the model card; returns the temperature that the held-out rows asked
    for.
    """
    raw = int8_graph(network, words, temperature=1.0)
    logits = DomainModel.of(raw, tokenizer).logits([row.text for row in held_out])
    temperature = fit_temperature(logits, np.array([row.label for row in held_out]))
    graph = int8_graph(network, words, temperature)
    out.mkdir(parents=True, exist_ok=True)
    _write(out / MODEL_FILE, graph)
    _write(out / TOKENIZER_FILE, tokenizer.encode())
    _write_json(out / "config.json", config(vocabulary_size=len(words)))
    _write_json(out / "category_mapping.json", category_mapping())
    return temperature


def int8_graph(network: DomainNetwork, words: Tensor, temperature: float) -> bytes:
    """Weights of the products in int8, one scale per column, activations quantised as they come.

    Seven bits of the eight are used: processors without VNNI add pairs of products in sixteen
    bits, and eight full bits overflow there. The graph is marked as prepared: its nodes are fused.
    """
    with tempfile.TemporaryDirectory() as folder:
        full, small = Path(folder, "full.onnx"), Path(folder, "small.onnx")
        graph = build_graph(network, words, temperature, small_tables=True)
        graph.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")
        onnx.save(graph, full)
        quantize_dynamic(
            full,
            small,
            op_types_to_quantize=["MatMul", "Attention"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        return small.read_bytes()


def fp32_graph(network: DomainNetwork, words: Tensor, temperature: float) -> bytes:
    """The same graph before quantisation, to measure what int8 costs; not shipped."""
    return build_graph(network, words, temperature, small_tables=False).SerializeToString()


def config(vocabulary_size: int) -> dict[str, object]:
    """What Hugging Face style loaders expect beside a graph."""
    return {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "id2label": {str(index): label for index, label in enumerate(LABELS)},
        "label2id": INDEX,
        "vocab_size": vocabulary_size,
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": INNER,
        "max_position_embeddings": POSITIONS,
        "layer_norm_eps": NORM_EPS,
        "hidden_act": "gelu",
        "pad_token_id": 0,
    }


def category_mapping() -> dict[str, object]:
    return {
        "category_to_idx": INDEX,
        "idx_to_category": {str(index): label for index, label in enumerate(LABELS)},
        "aliases": {alias: list(labels) for alias, labels in ALIASES.items()},
    }


def _write_json(path: Path, value: object) -> None:
    _write(path, (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode())


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)
