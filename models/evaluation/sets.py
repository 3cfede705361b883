"""The texts that the model is judged on. The sets beside this file were written for this purpose
and are never trained on.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from models.labels import INDEX

OWN_SETS = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Example:
    text: str
    label: int
    source: str = ""
    chinese: bool = False


@dataclass(frozen=True)
class Utterance:
    text: str
    intent: str
    role: str


@dataclass(frozen=True)
class Seed:
    """A query of the product's own examples, with the labels that its adapter stands for."""

    text: str
    labels: tuple[str, ...]


TECHNICAL = ("computer science", "engineering")

SEEDS = (
    Seed("Explain async/await in JavaScript", TECHNICAL),
    Seed("解释 JavaScript 中的 async/await", TECHNICAL),
    Seed("What causes high blood pressure?", ("health",)),
    Seed("高血压的原因是什么？", ("health",)),
    Seed("What is the statute of limitations for breach of contract?", ("law",)),
    Seed("违约的诉讼时效是多久？", ("law",)),
    Seed("Hello, how are you today?", ("other",)),
    Seed("你好，今天过得怎么样？", ("other",)),
)


def own_set(name: str) -> list[Example]:
    return read_examples(OWN_SETS / f"{name}.jsonl")


def read_examples(path: Path) -> list[Example]:
    return [
        Example(
            row["text"], INDEX[row["label"]], row.get("source", ""), row.get("lang", "") == "zh"
        )
        for row in _rows(path)
    ]


def read_utterances(path: Path) -> list[Utterance]:
    return [Utterance(row["text"], row["intent"], row["role"]) for row in _rows(path)]


def _rows(path: Path) -> list[dict[str, str]]:
    return [
        json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
    ]
