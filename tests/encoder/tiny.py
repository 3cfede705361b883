"""Tiny classifier directories: real tokenizers and real ONNX graphs of a few nodes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

LABELS = ("health", "law", "other")
WORDS = {"doctor": 0, "pill": 0, "court": 1, "contract": 1, "hello": 2, "a": 2}
WIDTH = 4


@dataclass(frozen=True)
class Family:
    """What differs between the encoders that people export."""

    name: str
    pad: str = "[PAD]"
    unknown: str = "[UNK]"
    before: str = "[CLS]"
    after: str = "[SEP]"
    inputs: tuple[str, ...] = ("input_ids", "attention_mask")
    kind: str = "words"

    @property
    def vocabulary(self) -> list[str]:
        """XLM-R's order puts <s> first, so that its padding is not id 0."""
        if self.kind == "pieces":
            return [self.before, self.pad, self.after, self.unknown, "▁", *(f"▁{w}" for w in WORDS)]
        return [self.pad, self.unknown, self.before, self.after, *WORDS]

    @property
    def pad_id(self) -> int:
        return self.vocabulary.index(self.pad)


BERT = Family("bert", inputs=("input_ids", "attention_mask", "token_type_ids"))
MODERNBERT = Family("modernbert")
XLM_ROBERTA = Family("xlm-roberta", "<pad>", "<unk>", "<s>", "</s>", kind="pieces")
DEBERTA = replace(BERT, name="deberta-v2", kind="pieces")


@dataclass(frozen=True)
class Recipe:
    """How a directory is made; the defaults are a BERT-like classifier."""

    family: Family = BERT
    outputs: tuple[str, ...] = ("logits",)
    labels: tuple[str, ...] = LABELS
    graph: str = "model.onnx"
    integers: int = TensorProto.INT64
    quantised: bool = False
    poison: str = ""
    shape: tuple[str | int, str | int] = ("batch", "sequence")
    bare: bool = False
    per_token: bool = False


Builder = Callable[..., Path]


def write_model(directory: Path, recipe: Recipe) -> None:
    path = directory / recipe.graph
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(graph(recipe), path)
    tokenizer(recipe.family).save(str(directory / "tokenizer.json"))
    config: dict[str, object] = {"model_type": recipe.family.name}
    if not recipe.bare:
        config["pad_token_id"] = recipe.family.pad_id
        config["id2label"] = {str(index): name for index, name in enumerate(recipe.labels)}
    (directory / "config.json").write_text(json.dumps(config))


def tokenizer(family: Family) -> Tokenizer:
    ids = {token: index for index, token in enumerate(family.vocabulary)}
    if family.kind == "pieces":
        pieces = [(token, -1.0) for token in family.vocabulary]
        made = Tokenizer(models.Unigram(pieces, unk_id=ids[family.unknown]))
        made.pre_tokenizer = pre_tokenizers.Metaspace()
    else:
        made = Tokenizer(models.WordPiece(ids, unk_token=family.unknown))
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens([family.pad, family.unknown, family.before, family.after])
    made.post_processor = processors.TemplateProcessing(
        single=f"{family.before} $A {family.after}",
        special_tokens=[(token, ids[token]) for token in (family.before, family.after)],
    )
    # What exports often carry, and what would hide a long text's tail.
    made.enable_truncation(8)
    made.enable_padding(length=8, pad_id=family.pad_id, pad_token=family.pad)
    return made


def vectors(family: Family) -> np.ndarray:
    """Each known word points at its label; every other token is a little of everything."""
    table = np.full((len(family.vocabulary), WIDTH), 0.25, dtype=np.float32)
    for word, label in WORDS.items():
        row = next(i for i, token in enumerate(family.vocabulary) if token.lstrip("▁") == word)
        table[row] = 12 * np.eye(WIDTH, dtype=np.float32)[label]
    return table


def graph(recipe: Recipe) -> onnx.ModelProto:
    """Mean of word vectors, times a matrix.

    Padding with another id than the model's, a token type other than 0 and, where asked for, a
    poisonous word make the logits NaN: the tests see it without looking inside.
    """
    family = recipe.family
    constants = {
        "table": vectors(family),
        "head": np.eye(WIDTH, len(recipe.labels), dtype=np.float32),
        "axis1": np.array([1]),
        "axis2": np.array([2]),
        "pad": np.array(family.pad_id),
        "poison": np.array(_poison_id(recipe)),
        "nan": np.array([np.nan], dtype=np.float32),
        "zero": np.array([0], dtype=np.float32),
    }
    steps = [*_pooled(recipe), *_spoilt(recipe), *_named(recipe)]
    ranks = {"last_hidden_state": 3, "token_embeddings": 3, "logits": 3 if recipe.per_token else 2}
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * ranks.get(name, 2))
        for name in recipe.outputs
    ]
    inputs = [
        helper.make_tensor_value_info(name, recipe.integers, recipe.shape) for name in family.inputs
    ]
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    made = helper.make_graph(steps, "tiny", inputs, outputs, initializers)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _poison_id(recipe: Recipe) -> int:
    if not recipe.poison:
        return -1
    return next(
        i for i, token in enumerate(recipe.family.vocabulary) if token.lstrip("▁") == recipe.poison
    )


def _pooled(recipe: Recipe) -> list[onnx.NodeProto]:
    steps = [
        helper.make_node("Cast", ["input_ids"], ["ids"], to=TensorProto.INT64),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "ids"], ["looked_up"]),
        helper.make_node("Cast", ["mask"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["floats", "axis2"], ["weights"]),
        helper.make_node("Mul", ["hidden", "weights"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted", "axis1"], ["total"], keepdims=0),
        helper.make_node("ReduceSum", ["weights", "axis1"], ["count"], keepdims=0),
        helper.make_node("Div", ["total", "count"], ["mean"]),
    ]
    quantise = [
        helper.make_node("DynamicQuantizeLinear", ["looked_up"], ["q", "scale", "zero_point"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero_point"], ["hidden"]),
    ]
    plain = [helper.make_node("Identity", ["looked_up"], ["hidden"])]
    return steps[:3] + (quantise if recipe.quantised else plain) + steps[3:]


def _spoilt(recipe: Recipe) -> list[onnx.NodeProto]:
    """NaN for a row whose padding, token types or words are wrong, else 0."""
    types = "token_type_ids" if "token_type_ids" in recipe.family.inputs else "nothing"
    return [
        helper.make_node("Equal", ["ids", "pad"], ["is_pad"]),
        helper.make_node("Cast", ["mask"], ["is_text"], to=TensorProto.BOOL),
        helper.make_node("Xor", ["is_pad", "is_text"], ["pads_agree"]),
        helper.make_node("Not", ["pads_agree"], ["wrong_pad"]),
        helper.make_node("Equal", ["ids", "poison"], ["poisoned"]),
        helper.make_node("Sub", ["ids", "ids"], ["nothing"]),
        helper.make_node("Cast", [types], ["wrong_type"], to=TensorProto.BOOL),
        helper.make_node("Or", ["wrong_pad", "poisoned"], ["wrong"]),
        helper.make_node("Or", ["wrong", "wrong_type"], ["spoilt_tokens"]),
        helper.make_node("Where", ["spoilt_tokens", "nan", "zero"], ["spoilt_values"]),
        helper.make_node("ReduceSum", ["spoilt_values", "axis1"], ["spoilt"], keepdims=1),
        helper.make_node("Add", ["mean", "spoilt"], ["sentence"]),
    ]


def _named(recipe: Recipe) -> list[onnx.NodeProto]:
    steps = []
    for name in recipe.outputs:
        if name == "logits":
            source = "hidden" if recipe.per_token else "sentence"
            steps.append(helper.make_node("MatMul", [source, "head"], [name]))
        elif name in ("last_hidden_state", "token_embeddings"):
            steps.append(helper.make_node("Identity", ["hidden"], [name]))
        else:
            steps.append(helper.make_node("Identity", ["sentence"], [name]))
    return steps
