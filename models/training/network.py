"""The network: a six-layer BERT encoder with two ways out, label logits and a unit sentence
vector.

Written out rather than imported, because three things differ from the stock model: the query, key
and value weights are one matrix (one product instead of three), the word table is split into old
and new rows (they learn at different rates), and both outputs come from one pass.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 384
LAYERS = 6
HEADS = 12
INNER = 1536
POSITIONS = 512
NORM_EPS = 1e-12
HIDDEN_SCORE = -1e4


class Output(NamedTuple):
    logits: Tensor
    embedding: Tensor


class WordTable(nn.Module):
    """Word embeddings as two tables, so that new rows can learn faster than the ones that already
    mean something.
    """

    def __init__(self, rows: Tensor, old: int) -> None:
        super().__init__()
        self.old = nn.Parameter(rows[:old].clone())
        self.new = nn.Parameter(rows[old:].clone())

    def forward(self, ids: Tensor) -> Tensor:
        border = len(self.old)
        if not len(self.new):
            return functional.embedding(ids, self.old)
        known = functional.embedding(ids.clamp(max=border - 1), self.old)
        learned = functional.embedding((ids - border).clamp(min=0), self.new)
        return torch.where((ids < border).unsqueeze(-1), known, learned)

    @property
    def rows(self) -> Tensor:
        return torch.cat([self.old, self.new])


class Layer(nn.Module):
    """One transformer block, normalised after each half as in BERT."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.attention_norm = nn.LayerNorm(WIDTH, NORM_EPS)
        self.up = nn.Linear(WIDTH, INNER)
        self.down = nn.Linear(INNER, WIDTH)
        self.output_norm = nn.LayerNorm(WIDTH, NORM_EPS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        x = self.attention_norm(x + self.dropout(self.out(self._attend(x, visible))))
        return self.output_norm(x + self.dropout(self.down(functional.gelu(self.up(x)))))

    def _attend(self, x: Tensor, visible: Tensor) -> Tensor:
        """Plain products: on a CPU in bfloat16 their backward pass is faster than that of the
        fused kernel.
        """
        batch, length, _ = x.shape
        heads = self.qkv(x).view(batch, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        scores = (heads[0] * (WIDTH // HEADS) ** -0.5) @ heads[1].transpose(-1, -2)
        mixed = scores.masked_fill(~visible, HIDDEN_SCORE).softmax(-1).to(heads.dtype) @ heads[2]
        return mixed.transpose(1, 2).reshape(batch, length, WIDTH)


class Encoder(nn.Module):
    """Token ids to the hidden states after every layer."""

    def __init__(self, words: WordTable, dropout: float = 0.1) -> None:
        super().__init__()
        self.words = words
        self.positions = nn.Parameter(torch.zeros(POSITIONS, WIDTH))
        self.norm = nn.LayerNorm(WIDTH, NORM_EPS)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(LAYERS))

    def forward(self, ids: Tensor, mask: Tensor) -> list[Tensor]:
        x = self.dropout(self.norm(self.words(ids) + self.positions[: ids.shape[1]]))
        visible = mask[:, None, None, :].bool()
        states = []
        for layer in self.layers:
            x = layer(x, visible)
            states.append(x)
        return states

    def load_base(self, weights: Mapping[str, Tensor]) -> None:
        """Take the body (all but the word table) from a BERT checkpoint; the one token type folds
        into the positions.
        """
        position = "embeddings.position_embeddings.weight"
        own = {
            "positions": weights[position] + weights["embeddings.token_type_embeddings.weight"][0]
        }
        own |= _renamed(weights, "norm", "embeddings.LayerNorm")
        for index in range(LAYERS):
            own |= _layer_weights(weights, index)
        missing, unexpected = self.load_state_dict(own, strict=False)
        foreign = [name for name in missing if not name.startswith("words.")]
        if foreign or unexpected:
            raise ValueError(f"not the checkpoint of a BERT encoder: {foreign} {unexpected}")


class DomainNetwork(nn.Module):
    """The encoder with its two heads.

    Labels read three views of the text (the first token, and the mean of the fourth and of the
    last layer); the sentence vector reads only the last mean, through a projection of its own
    that starts as the identity, so that the vector can stay close to the base encoder's while the
    label head takes what it needs.
    """

    def __init__(
        self, encoder: Encoder, labels: int, hidden: int = 384, dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.hidden = nn.Linear(3 * WIDTH, hidden)
        self.labels = nn.Linear(hidden, labels)
        self.dropout = nn.Dropout(dropout)
        self.projection = nn.Linear(WIDTH, WIDTH)
        nn.init.eye_(self.projection.weight)
        nn.init.zeros_(self.projection.bias)

    def forward(self, ids: Tensor, mask: Tensor) -> Output:
        states = self.encoder(ids, mask)
        last = mean_over_tokens(states[-1], mask)
        views = torch.cat([states[-1][:, 0], mean_over_tokens(states[3], mask), last], dim=1)
        logits = self.labels(self.dropout(functional.gelu(self.hidden(self.dropout(views)))))
        return Output(logits.float(), functional.normalize(self.projection(last).float(), dim=1))


def mean_over_tokens(states: Tensor, mask: Tensor) -> Tensor:
    """The mean of the real tokens' states; padding counts for nothing."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def _renamed(weights: Mapping[str, Tensor], own: str, theirs: str) -> dict[str, Tensor]:
    return {f"{own}.{part}": weights[f"{theirs}.{part}"] for part in ("weight", "bias")}


def _layer_weights(weights: Mapping[str, Tensor], index: int) -> dict[str, Tensor]:
    own, theirs = f"layers.{index}", f"encoder.layer.{index}"
    names = [f"{theirs}.attention.self.{part}" for part in ("query", "key", "value")]
    qkv = {
        f"{own}.qkv.{part}": torch.cat([weights[f"{name}.{part}"] for name in names])
        for part in ("weight", "bias")
    }
    return (
        qkv
        | _renamed(weights, f"{own}.out", f"{theirs}.attention.output.dense")
        | _renamed(weights, f"{own}.attention_norm", f"{theirs}.attention.output.LayerNorm")
        | _renamed(weights, f"{own}.up", f"{theirs}.intermediate.dense")
        | _renamed(weights, f"{own}.down", f"{theirs}.output.dense")
        | _renamed(weights, f"{own}.output_norm", f"{theirs}.output.LayerNorm")
    )
