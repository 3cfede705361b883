"""Labelled rows: where they come from and how much each source weighs. Knows no tokens and no tensors.

The large corpus lives outside the repository (`train.jsonl`, `valid.jsonl`); the parallel prompts and glossaries under
`data/` were written for this project. Weights answer two questions: how much a source looks like what users type, and
how trustworthy its labels are.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from models.labels import INDEX

OWN_DATA = Path(__file__).parent / "data"

#: Share of a row in the loss, by the start of its source's name; everything else weighs 1.
SOURCE_WEIGHTS: tuple[tuple[str, float], ...] = (
    ("TIGER-AI-Lab/MMLU-Pro", 1.5),
    ("hendrycks/test", 1.2),
    ("authored (concept templates)", 0.5),
    ("authored (hand-written)", 2.0),
    ("authored (parallel)", 2.0),
)

_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text. `english` is its translation where somebody wrote one."""

    text: str
    label: int
    source: str
    chinese: bool
    english: str | None = None

    @property
    def weight(self) -> float:
        return next((weight for start, weight in SOURCE_WEIGHTS if self.source.startswith(start)), 1.0)


def read_rows(path: Path) -> list[Row]:
    """The rows of a corpus file: `{"text", "label", "source", "lang"}` per line."""
    return [
        Row(row["text"], INDEX[row["label"]], row["source"], row["lang"] == "zh")
        for row in _json_lines(path)
    ]


def read_parallel(folder: Path = OWN_DATA) -> list[Row]:
    """Both sides of every parallel prompt, the Chinese one remembering its English twin."""
    rows: list[Row] = []
    for path in sorted(folder.glob("authored_part*.jsonl")):
        for pair in _json_lines(path):
            label = INDEX[pair["label"]]
            rows.append(Row(pair["en"], label, "authored (parallel)", chinese=False))
            rows.append(Row(pair["zh"], label, "authored (parallel)", chinese=True, english=pair["en"]))
    return rows


def read_glossary(name: str, folder: Path = OWN_DATA) -> dict[str, str]:
    """Chinese entry to English gloss, most frequent first; the first gloss of an entry wins."""
    glossary: dict[str, str] = {}
    for line in (folder / name).read_text(encoding="utf-8").splitlines():
        entry, _, gloss = line.partition("\t")
        if entry.strip() and gloss.strip():
            glossary.setdefault(entry.strip(), gloss.strip())
    return glossary


def is_chinese(text: str) -> bool:
    """Whether a text holds any Han character."""
    return _HAN.search(text) is not None


def _json_lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)
