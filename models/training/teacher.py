"""The untouched base encoder as teacher of the sentence vector.

Learning labels alone would bend the vector space towards fourteen directions and ruin it for
free-text similarity, so every row also has a point in the base encoder's space to stay near:
English rows their own, Chinese rows that of their translation, or, where nobody translated them,
that of their word-by-word gloss, which says less and weighs less.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from models.training.base import TOKENIZER_FILE, base_weights, base_word_table
from models.training.data import Row
from models.training.network import Encoder, WordTable, mean_over_tokens
from models.training.vocabulary import Vocabulary, in_english

MAX_TOKENS = 64
BATCH = 64
GLOSS_WEIGHT = 0.3


@dataclass(frozen=True)
class Targets:
    """For every row, in order: the vector to stay near, and how much that matters."""

    vectors: Tensor
    weights: Tensor


def targets(rows: Sequence[Row], tokenizer: Tokenizer, vocabulary: Vocabulary) -> Targets:
    encodings = tokenizer.encode_batch([row.text for row in rows])
    texts, weights = [], []
    for row, encoding in zip(rows, encodings, strict=True):
        glossed = row.chinese and row.english is None
        texts.append(in_english(encoding, vocabulary) if glossed else row.english or row.text)
        weights.append(GLOSS_WEIGHT if glossed else 1.0)
    return Targets(embed(texts), torch.tensor(weights))


@torch.inference_mode()
def embed(texts: Sequence[str]) -> Tensor:
    """The base encoder's unit vectors, longest texts first so that batches hold equal lengths."""
    table = base_word_table()
    encoder = Encoder(WordTable(table, old=len(table))).eval()
    encoder.load_base(base_weights())
    tokenizer = Tokenizer.from_file(str(TOKENIZER_FILE))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding()
    order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
    vectors = torch.empty(len(texts), table.shape[1])
    for start in tqdm(range(0, len(order), BATCH), desc="teacher", unit="batch"):
        chosen = order[start : start + BATCH]
        encodings = tokenizer.encode_batch([texts[index] for index in chosen])
        ids = torch.tensor([encoding.ids for encoding in encodings])
        mask = torch.tensor([encoding.attention_mask for encoding in encodings])
        with torch.autocast("cpu", torch.bfloat16):
            states = encoder(ids, mask)
        vectors[chosen] = functional.normalize(mean_over_tokens(states[-1].float(), mask), dim=1)
    return vectors
