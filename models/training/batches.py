"""Rows to tensors, one epoch at a time: varied, tokenised, and packed with texts of like length.

Batches hold about the same number of tokens, not of rows: padding is wasted work, and on two
cores work is all we have.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from models.training.augment import vary
from models.training.data import Row
from models.training.teacher import Targets

TOKENS_PER_BATCH = 2048
MAX_TOKENS = 160
CHARACTERS_ONLY_SHARE = 0.15
SORTED_WINDOW = 4096


@dataclass(frozen=True)
class Batch:
    ids: Tensor
    mask: Tensor
    labels: Tensor
    weights: Tensor
    chinese: Tensor
    targets: Tensor
    target_weights: Tensor


@dataclass(frozen=True)
class Batches:
    """All that an epoch is made of; two tokenizers, because a word may also be read by its
    characters.
    """

    rows: Sequence[Row]
    targets: Targets
    tokenizer: Tokenizer
    character_tokenizer: Tokenizer

    def epoch(self, seed: int) -> Iterator[Batch]:
        encodings = self._encodings(Random(seed))
        for members in self._groups([len(encoding.ids) for encoding in encodings], Random(seed)):
            yield self._batch(members, [encodings[member] for member in members])

    def count(self) -> int:
        """How many batches an unvaried epoch has; varied ones differ by a handful."""
        lengths = [
            len(encoding.ids)
            for encoding in self._encode(self.tokenizer, [row.text for row in self.rows])
        ]
        return sum(1 for _ in self._groups(lengths, Random(0)))

    def _encodings(self, random: Random) -> list[Encoding]:
        texts = [vary(row.text, random) for row in self.rows]
        encodings = self._encode(self.tokenizer, texts)
        chosen = [
            i
            for i, row in enumerate(self.rows)
            if row.chinese and random.random() < CHARACTERS_ONLY_SHARE
        ]
        for index, encoding in zip(
            chosen, self._encode(self.character_tokenizer, [texts[i] for i in chosen]), strict=True
        ):
            encodings[index] = encoding
        return encodings

    def _encode(self, tokenizer: Tokenizer, texts: list[str]) -> list[Encoding]:
        tokenizer.enable_truncation(MAX_TOKENS)
        return list(tokenizer.encode_batch(texts))

    def _groups(self, lengths: Sequence[int], random: Random) -> Iterator[list[int]]:
        """Shuffle, sort within windows, cut by token budget, shuffle the batches."""
        order = list(range(len(lengths)))
        random.shuffle(order)
        groups: list[list[int]] = []
        for start in range(0, len(order), SORTED_WINDOW):
            window = sorted(order[start : start + SORTED_WINDOW], key=lengths.__getitem__)
            groups += _cut(window, lengths, TOKENS_PER_BATCH)
        random.shuffle(groups)
        yield from groups

    def _batch(self, members: list[int], encodings: list[Encoding]) -> Batch:
        rows = [self.rows[member] for member in members]
        ids, mask = padded(encodings)
        return Batch(
            ids=ids,
            mask=mask,
            labels=torch.tensor([row.label for row in rows]),
            weights=torch.tensor([row.weight for row in rows]),
            chinese=torch.tensor([row.chinese for row in rows]),
            targets=self.targets.vectors[members],
            target_weights=self.targets.weights[members],
        )


def padded(encodings: Sequence[Encoding]) -> tuple[Tensor, Tensor]:
    """Ids and mask of equal length; the padding id is 0."""
    length = max(len(encoding.ids) for encoding in encodings)
    ids = torch.zeros(len(encodings), length, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding.ids)] = torch.tensor(encoding.ids)
        mask[row, : len(encoding.ids)] = 1
    return ids, mask


def _cut(window: Sequence[int], lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Batches from indices sorted by length: the longest member times the count stays within the
    budget.
    """
    group: list[int] = []
    for index in window:
        if group and lengths[index] * (len(group) + 1) > budget:
            yield group
            group = []
        group.append(index)
    if group:
        yield group
