"""Labelled rows: where they come from and how much each source weighs. Knows no tokens and no
tensors.

The large corpus lives outside the repository (`train.jsonl`, `valid.jsonl`); the parallel prompts
and glossaries under `data/` were written for this project. Weights answer two questions: how much
a source looks like what users type, and how trustworthy its labels are.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from models.labels import INDEX

OWN_DATA = Path(__file__).parent / "data"

#: Share of a row in the loss, by the start of its source's name; everything else weighs 1.
SOURCE_WEIGHTS: tuple[tuple[str, float], ...] = (
    ("TIGER-AI-Lab/MMLU-Pro", 1.5),
    ("hendrycks/test", 1.2),
    ("authored (concept templates)", 0.5),
    ("authored (hand-written)", 2.0),
    ("authored (parallel)", 3.0),
    ("authored (concepts)", 0.7),
)

#: Ways to ask about a concept, the same for every label: only the concept can tell the label.
CONCEPT_PROMPTS: tuple[tuple[str, str], ...] = (
    ("{}", "{}"),
    ("{} help", "{} 求助"),
    ("explain {}", "讲讲{}"),
    ("What should I know about {}?", "关于{}，我需要知道些什么？"),
    ("Can you help me with {}? I need it tomorrow", "能帮我看看{}吗？明天就要用"),
    ("my question is about {}, where do I start", "我想问{}，该从哪里入手"),
    ("give me an example of {}", "举个{}的例子"),
    ("Write three short questions about {} for my group", "围绕{}给我们小组出三个小问题"),
    ("still confused about {}... in plain words please", "还是没搞懂{}，说得通俗点"),
    ("tips for {}?", "{}有什么要注意的"),
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
        return next(
            (weight for start, weight in SOURCE_WEIGHTS if self.source.startswith(start)), 1.0
        )

    @property
    def wrapped(self) -> bool:
        """Whether this is the corpus's own copy of a row with a courtesy around it; `augment` does
        the same, differently in every epoch.
        """
        return self.source.endswith("+wrapper")


def read_rows(path: Path) -> list[Row]:
    """The rows of a corpus file: `{"text", "label", "source", "lang"}` per line."""
    return [
        Row(row["text"], INDEX[row["label"]], row["source"], row["lang"] == "zh")
        for row in _json_lines(path)
    ]


def read_parallel(folder: Path = OWN_DATA) -> list[Row]:
    """Both sides of every parallel prompt."""
    pairs = (
        pair for path in sorted(folder.glob("authored_part*.jsonl")) for pair in _json_lines(path)
    )
    return [
        row for pair in pairs for row in _twins(pair["en"], pair["zh"], pair["label"], "parallel")
    ]


def read_concepts(random: Random, prompts_each: int = 2, folder: Path = OWN_DATA) -> list[Row]:
    """Every listed concept inside a few prompts, in both languages."""
    rows: list[Row] = []
    for line in (folder / "concepts.tsv").read_text(encoding="utf-8").splitlines():
        label, english, chinese = line.split("\t")
        for en, zh in random.sample(CONCEPT_PROMPTS, prompts_each):
            rows += _twins(en.format(english), zh.format(chinese), label, "concepts")
    return rows


def _twins(english: str, chinese: str, label: str, kind: str) -> list[Row]:
    """The same text in two languages; the Chinese row remembers its English twin."""
    source = f"authored ({kind})"
    return [
        Row(english, INDEX[label], source, chinese=False),
        Row(chinese, INDEX[label], source, chinese=True, english=english),
    ]


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
