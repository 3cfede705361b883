"""The trained network as an ONNX graph, written node by node.

A tracing exporter would give the same numbers in some four hundred nodes. Written by hand, one
layer is six fused nodes that onnxruntime runs as they are, from version 1.17 on. Inputs are
`input_ids` and `attention_mask`, outputs `logits` and `embedding`; batch and sequence are free,
and texts longer than the position table reuse its last row.
"""

from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from models.training.network import HEADS, NORM_EPS, POSITIONS, DomainNetwork, Layer

OPSET = 17
IR_VERSION = 8
MICROSOFT = "com.microsoft"


class Builder:
    """Collects nodes and constants; every method returns the name of what it has made."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def node(
        self, kind: str, *inputs: str, domain: str = "", output: str = "", **attributes: Any
    ) -> str:
        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(
                kind, inputs, [output], name=f"node_{output}", domain=domain, **attributes
            )
        )
        return output

    def constant(self, name: str, value: Tensor | np.ndarray | list[int] | int | float) -> str:
        array = value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        self.constants[name] = numpy_helper.from_array(np.array(array, order="C"), name)
        return name

    def product(self, x: str, name: str, layer: nn.Linear) -> str:
        """A linear layer without its bias, for fused nodes that add it themselves."""
        return self.node("MatMul", x, self.constant(f"{name}.weight", layer.weight.T))

    def linear(self, x: str, name: str, layer: nn.Linear) -> str:
        return self.node(
            "Add", self.product(x, name, layer), self.constant(f"{name}.bias", layer.bias)
        )

    def norm(self, name: str, layer: nn.LayerNorm) -> tuple[str, str]:
        return self.constant(f"{name}.weight", layer.weight), self.constant(
            f"{name}.bias", layer.bias
        )


def build_graph(
    network: DomainNetwork, words: Tensor, temperature: float, *, small_tables: bool
) -> onnx.ModelProto:
    """`words` is the word table to ship; with `small_tables` it and the positions are int8 rows
    with a scale each.
    """
    b = Builder()
    encoder = network.encoder
    x = _embed(b, words, encoder.positions, small_tables)
    x = b.node(
        "LayerNormalization", x, *b.norm("embed.norm", encoder.norm), axis=-1, epsilon=NORM_EPS
    )
    visible = b.node("Cast", "attention_mask", to=TensorProto.INT32)
    states = []
    for index, layer in enumerate(encoder.layers):
        x = _layer(b, f"layer{index}", layer, x, visible)
        states.append(x)
    _heads(b, network, states, temperature)
    return _model(b, labels=network.labels.out_features, width=words.shape[1])


def _embed(b: Builder, words: Tensor, positions: Tensor, small_tables: bool) -> str:
    length = b.node("Gather", b.node("Shape", "input_ids"), b.constant("one", np.int64(1)))
    order = b.node("Range", b.constant("zero", np.int64(0)), length, "one")
    order = b.node("Min", order, b.constant("last_position", np.int64(POSITIONS - 1)))
    look_up = _look_up_int8 if small_tables else _look_up
    return b.node(
        "Add", look_up(b, "words", words, "input_ids"), look_up(b, "positions", positions, order)
    )


def _look_up(b: Builder, name: str, table: Tensor, indices: str) -> str:
    return b.node("Gather", b.constant(name, table), indices)


def _look_up_int8(b: Builder, name: str, table: Tensor, indices: str) -> str:
    rows, scales = quantise_rows(table)
    values = b.node("Cast", _look_up(b, name, rows, indices), to=TensorProto.FLOAT)
    return b.node("Mul", values, _look_up(b, f"{name}.scale", scales, indices))


def _layer(b: Builder, name: str, layer: Layer, x: str, visible: str) -> str:
    weight = b.constant(f"{name}.qkv.weight", layer.qkv.weight.T)
    bias = b.constant(f"{name}.qkv.bias", layer.qkv.bias)
    mixed = b.node("Attention", x, weight, bias, visible, domain=MICROSOFT, num_heads=HEADS)
    x = _add_and_norm(
        b,
        f"{name}.attention",
        x,
        b.product(mixed, f"{name}.out", layer.out),
        layer.out,
        layer.attention_norm,
    )
    up = b.product(x, f"{name}.up", layer.up)
    up = b.node("BiasGelu", up, b.constant(f"{name}.up.bias", layer.up.bias), domain=MICROSOFT)
    return _add_and_norm(
        b,
        f"{name}.output",
        x,
        b.product(up, f"{name}.down", layer.down),
        layer.down,
        layer.output_norm,
    )


def _add_and_norm(
    b: Builder, name: str, x: str, change: str, linear: nn.Linear, norm: nn.LayerNorm
) -> str:
    bias = b.constant(f"{name}.bias", linear.bias)
    return b.node(
        "SkipLayerNormalization",
        x,
        change,
        *b.norm(f"{name}.norm", norm),
        bias,
        domain=MICROSOFT,
        epsilon=NORM_EPS,
    )


def _heads(b: Builder, network: DomainNetwork, states: list[str], temperature: float) -> None:
    weights = b.node("Cast", "attention_mask", to=TensorProto.FLOAT)
    weights = b.node("Unsqueeze", weights, b.constant("last_axis", [2]))
    tokens = b.node("ReduceSum", weights, b.constant("token_axis", [1]), keepdims=0)
    tokens = b.node("Max", tokens, b.constant("one_token", 1.0))

    def mean(state: str) -> str:
        return b.node(
            "Div",
            b.node("ReduceSum", b.node("Mul", state, weights), "token_axis", keepdims=0),
            tokens,
        )

    last = mean(states[-1])
    first_token = b.node("Gather", states[-1], "zero", axis=1)
    views = b.node("Concat", first_token, mean(states[3]), last, axis=1)
    hidden = b.product(views, "head.hidden", network.hidden)
    hidden = b.node(
        "BiasGelu", hidden, b.constant("head.hidden.bias", network.hidden.bias), domain=MICROSOFT
    )
    logits = b.linear(hidden, "head.labels", network.labels)
    b.node("Div", logits, b.constant("temperature", temperature), output="logits")
    vector = b.linear(last, "head.projection", network.projection)
    norm = b.node("ReduceL2", vector, axes=[1], keepdims=1)
    b.node(
        "Div", vector, b.node("Max", norm, b.constant("smallest_norm", 1e-12)), output="embedding"
    )


def _model(b: Builder, labels: int, width: int) -> onnx.ModelProto:
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
        for name in ("input_ids", "attention_mask")
    ]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])
        for name, size in (("logits", labels), ("embedding", width))
    ]
    graph = helper.make_graph(b.nodes, "domain", inputs, outputs, list(b.constants.values()))
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(
        graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="lora-router"
    )


def quantise_rows(table: Tensor) -> tuple[Tensor, Tensor]:
    """int8 rows with one scale per row: rare words keep their precision beside a few very long
    rows.
    """
    scales = table.abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127
    return torch.round(table / scales).to(torch.int8), scales
