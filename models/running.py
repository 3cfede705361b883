"""The shipped model as a caller sees it: texts in, logits and sentence vectors out.

Deliberately independent of the router: it measures the files, not the router's way of using them.
Long texts are cut as the router cuts them, to the first 192 and the last 64 tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

HEAD_TOKENS = 192
TAIL_TOKENS = 64
BATCH = 16

Floats = NDArray[np.float32]


class Answer(NamedTuple):
    logits: Floats
    embedding: Floats


@dataclass(frozen=True)
class DomainModel:
    tokenizer: Tokenizer
    session: onnxruntime.InferenceSession

    @classmethod
    def of(cls, graph: bytes, tokenizer: str, threads: int = 0) -> "DomainModel":
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        return cls(Tokenizer.from_str(tokenizer), session)

    @classmethod
    def load(cls, folder: Path, threads: int = 0) -> "DomainModel":
        tokenizer = (folder / "tokenizer.json").read_text(encoding="utf-8")
        return cls.of((folder / "model.onnx").read_bytes(), tokenizer, threads)

    def ids(self, text: str) -> list[int]:
        ids = self.tokenizer.encode(text).ids
        return (
            ids if len(ids) <= HEAD_TOKENS + TAIL_TOKENS else ids[:HEAD_TOKENS] + ids[-TAIL_TOKENS:]
        )

    def run(self, batch: Sequence[Sequence[int]]) -> Answer:
        """One pass over token ids, padded to the longest."""
        length = max(len(ids) for ids in batch)
        inputs = {
            name: np.zeros((len(batch), length), dtype=np.int64)
            for name in ("input_ids", "attention_mask")
        }
        for row, ids in enumerate(batch):
            inputs["input_ids"][row, : len(ids)] = ids
            inputs["attention_mask"][row, : len(ids)] = 1
        return Answer(*self.session.run(["logits", "embedding"], inputs))

    def answer(self, texts: Sequence[str]) -> Answer:
        """All texts, in small batches of like length; the answers keep the order of the texts."""
        encoded = [self.ids(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda index: len(encoded[index]))
        chunks = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        answers = [self.run([encoded[index] for index in chunk]) for chunk in chunks]
        back = np.argsort(order)
        return Answer(*(np.concatenate(parts)[back] for parts in zip(*answers, strict=True)))

    def logits(self, texts: Sequence[str]) -> Floats:
        return self.answer(texts).logits
