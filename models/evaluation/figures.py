"""Each figure that the model must reach, as one small function, and the table that lines them up
with their targets.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.evaluation.distortions import DISTORTIONS
from models.evaluation.sets import SEEDS, Example, own_set, read_examples, read_utterances
from models.labels import INDEX
from models.running import Answer, DomainModel, Floats

BINS = 15
NEIGHBOUR_SUPPORT = 3000
SEED = 20261120
DRAWS = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    name: str
    reached: float
    target: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        return self.reached <= self.target if self.at_most else self.reached >= self.target


@dataclass(frozen=True)
class Judge:
    """The model, the data, and (where it is at hand) the same model in fp32."""

    model: DomainModel
    data: Path
    fp32: DomainModel | None = None

    def figures(self) -> Iterable[Figure]:
        yield from self._accuracies()
        yield from self._seeds()
        yield from self._calibration()
        yield from self._quantisation()
        yield from self._neighbours()
        yield from self._robustness()
        yield from self._latency()

    def valid(self) -> list[Example]:
        return read_examples(self.data / "domain" / "valid.jsonl")

    def _accuracies(self) -> Iterable[Figure]:
        exam = [example for example in self.valid() if "MMLU-Pro" in example.source]
        yield Figure("MMLU-Pro questions, held out", self._accuracy(exam), 0.85)
        for name, title, target in (
            ("everyday_en", "everyday prompts, English", 0.97),
            ("everyday_zh", "everyday prompts, Chinese", 0.95),
            ("real_mix_en", "broad mix of user prompts, English", 0.90),
            ("real_mix_zh", "broad mix of user prompts, Chinese", 0.85),
        ):
            yield Figure(title, self._accuracy(own_set(name)), target)

    def _seeds(self) -> Iterable[Figure]:
        """The weakest of the product's own queries: the probability of its adapter's labels
        together.
        """
        shares = softmax(self.model.logits([seed.text for seed in SEEDS]))
        right = [
            float(share[[INDEX[label] for label in seed.labels]].sum())
            for share, seed in zip(shares, SEEDS, strict=True)
        ]
        yield Figure("seed queries, lowest confidence of the right adapter", min(right), 0.6)

    def _calibration(self) -> Iterable[Figure]:
        for title, examples in (("validation rows", self.valid()), ("own sets", all_own_sets())):
            error = calibration_error(self._shares(examples), labels_of(examples))
            yield Figure(f"expected calibration error, {title}", error, 0.05, at_most=True)

    def _quantisation(self) -> Iterable[Figure]:
        if self.fp32 is None:
            return
        examples = self.valid() + all_own_sets()
        full = accuracy(self.fp32.logits(texts_of(examples)), examples)
        yield Figure(
            "points lost by int8", 100 * (full - self._accuracy(examples)), 0.5, at_most=True
        )

    def _neighbours(self) -> Iterable[Figure]:
        utterances = read_utterances(self.data / "embedding" / "clinc150_intents.jsonl")
        support = [u for u in utterances if u.role == "support"]
        queries = [u for u in utterances if u.role == "query"]
        share = self._nearest(
            [(u.text, u.intent) for u in support], [(u.text, u.intent) for u in queries]
        )
        yield Figure("nearest neighbour, English intents (CLINC150)", share, 0.80)
        train = [row for row in read_examples(self.data / "domain" / "train.jsonl") if row.chinese]
        known = random.Random(SEED).sample(train, NEIGHBOUR_SUPPORT)
        asked = [row for row in self.valid() if row.chinese]
        share = self._nearest(
            [(r.text, r.label) for r in known], [(r.text, r.label) for r in asked]
        )
        yield Figure("nearest neighbour, Chinese domains", share, 0.75)

    def _robustness(self) -> Iterable[Figure]:
        """Every text is distorted several times over: where a slip falls is a matter of luck."""
        examples = all_own_sets()
        plain = self._accuracy(examples)
        source = random.Random(SEED)
        for name, distort in DISTORTIONS.items():
            draws = DRAWS * examples
            texts = [distort(example.text, source) for example in draws]
            lost = plain - accuracy(self.model.logits(texts), draws)
            yield Figure(f"points lost to {name}", 100 * lost, 3.0, at_most=True)

    def _latency(self) -> Iterable[Figure]:
        for tokens, target in ((16, 2.0), (64, 5.0)):
            text = _text_of(self.model, tokens)
            ids = self.model.ids(text)
            bare = _milliseconds(self.model.run, [ids])
            whole = _milliseconds(self._read_and_run, text)
            yield Figure(
                f"milliseconds for {tokens} tokens, tokenizer and model, one core",
                whole,
                target,
                at_most=True,
            )
            yield Figure(
                f"the same as a ratio to the bare session, {tokens} tokens",
                whole / bare,
                1.3,
                at_most=True,
            )

    def _read_and_run(self, text: str) -> Answer:
        return self.model.run([self.model.ids(text)])

    def _accuracy(self, examples: Sequence[Example]) -> float:
        return accuracy(self.model.logits(texts_of(examples)), examples)

    def _shares(self, examples: Sequence[Example]) -> Floats:
        return softmax(self.model.logits(texts_of(examples)))

    def _nearest(
        self, known: Sequence[tuple[str, object]], asked: Sequence[tuple[str, object]]
    ) -> float:
        """How often the nearest known vector carries the same mark."""
        support = self.model.answer([text for text, _ in known]).embedding
        queries = self.model.answer([text for text, _ in asked]).embedding
        nearest = (queries @ support.T).argmax(axis=1)
        return statistics.fmean(
            known[place][1] == mark for place, (_, mark) in zip(nearest, asked, strict=True)
        )


def all_own_sets() -> list[Example]:
    return [
        example
        for name in ("everyday_en", "everyday_zh", "real_mix_en", "real_mix_zh")
        for example in own_set(name)
    ]


def texts_of(examples: Sequence[Example]) -> list[str]:
    return [example.text for example in examples]


def labels_of(examples: Sequence[Example]) -> NDArray[np.int64]:
    return np.array([example.label for example in examples])


def accuracy(logits: Floats, examples: Sequence[Example]) -> float:
    return float((logits.argmax(axis=1) == labels_of(examples)).mean())


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def calibration_error(shares: Floats, labels: NDArray[np.int64]) -> float:
    """Mean gap between confidence and accuracy over equal-width bins, weighted by how many texts
    fall in.
    """
    return sum(
        weight * abs(right - confidence)
        for confidence, right, weight in reliability(shares, labels)
    )


def reliability(shares: Floats, labels: NDArray[np.int64]) -> list[tuple[float, float, float]]:
    """Per occupied bin: mean confidence, accuracy, share of the texts."""
    confidence, right = shares.max(axis=1), shares.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    members = [bins == index for index in range(BINS) if (bins == index).any()]
    return [(float(confidence[m].mean()), float(right[m].mean()), float(m.mean())) for m in members]


def _text_of(model: DomainModel, tokens: int) -> str:
    """An ordinary text of exactly so many tokens, the two special ones included."""
    text = " ".join(["water"] * (tokens - 2))
    assert len(model.ids(text)) == tokens
    return text


def _milliseconds(call: Callable[[T], object], argument: T, rounds: int = 200) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call(argument)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
