"""The tokenizer of the domain model, and what its new tokens mean before the first training step.

The base vocabulary is English WordPiece: most Chinese characters become `[UNK]`. Three changes
mend that:

* frequent Chinese characters join the vocabulary, in place of slots that the base model never
  used;
* frequent Chinese words become added tokens, matched longest first, so that a word costs one
  token, not two to four;
* full-width forms are folded (NFKC), and a traditional character has a row of its own that
  repeats its simplified form's.

A new token starts as the mean of the base embeddings of its English gloss, so that the English
encoder reads Chinese, word by word, before it has seen a single Chinese row.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from tokenizers import Encoding, Tokenizer

from models.training.data import is_chinese

MAX_CHARACTERS = 3000
MAX_WORDS = 2600
MAX_TRADITIONAL_SOURCES = 2000
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class Vocabulary:
    """Which token has which id: base tokens first (compacted), then characters, their traditional
    forms, then words.

    Words come last because the tokenizers library numbers added tokens after the model's own.
    """

    base: dict[str, int]
    """Kept base tokens with their ids in the *base* model; their order gives the new ids."""
    characters: dict[str, str]
    """Simplified characters (and whatever else the glossary lists) with English glosses."""
    traditional: dict[str, str]
    """Traditional characters with their simplified forms."""
    words: dict[str, str]
    """Chinese words with English glosses."""

    @cached_property
    def ids(self) -> dict[str, int]:
        tokens = [*self.base, *self.characters, *self.traditional, *self.words]
        ids = {token: index for index, token in enumerate(tokens)}
        if len(ids) != len(tokens):
            raise ValueError("a token is listed twice: the ids of all words after it would shift")
        return ids

    @cached_property
    def glosses(self) -> list[str]:
        """The English of every new token, in id order."""
        borrowed = {
            token: self.characters[simplified] for token, simplified in self.traditional.items()
        }
        return [*self.characters.values(), *borrowed.values(), *self.words.values()]


def build_vocabulary(
    base_file: Path, characters: dict[str, str], words: dict[str, str]
) -> Vocabulary:
    """Drop what the base never used (`[unused…]`) or cannot use well (Han), then take the most
    frequent entries.
    """
    base = json.loads(base_file.read_text(encoding="utf-8"))["model"]["vocab"]
    ordered = sorted(base, key=base.__getitem__)
    kept = {
        token: base[token]
        for token in ordered
        if not (token.startswith("[unused") or is_chinese(token))
    }
    characters = _first(characters, MAX_CHARACTERS)
    words = {word: gloss for word, gloss in words.items() if len(word) > 1}
    return Vocabulary(
        kept,
        characters,
        _traditional_forms(characters),
        _first(words, MAX_WORDS),
    )


def tokenizer_file(base_file: Path, vocabulary: Vocabulary, *, with_words: bool = True) -> str:
    """The base tokenizer's own file with a new vocabulary; without words it reads Chinese
    character by character.
    """
    spec: dict[str, Any] = json.loads(base_file.read_text(encoding="utf-8"))
    ids = vocabulary.ids
    spec["model"]["vocab"] = {
        token: index for token, index in ids.items() if token not in vocabulary.words
    }
    spec["truncation"] = spec["padding"] = None
    spec["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFKC"}, spec["normalizer"]]}
    added = {
        **dict.fromkeys(SPECIAL_TOKENS, True),
        **dict.fromkeys(vocabulary.words if with_words else (), False),
    }
    spec["added_tokens"] = [
        _added_token(token, ids[token], special) for token, special in added.items()
    ]
    for name, entry in spec["post_processor"]["special_tokens"].items():
        entry["ids"] = [ids[name]]
    return json.dumps(spec, ensure_ascii=False)


def initial_embeddings(
    base_file: Path, vocabulary: Vocabulary, table: torch.Tensor
) -> torch.Tensor:
    """One row per token: base rows as they are, Chinese rows from their glosses at the length of
    ordinary rows.
    """
    reader = Tokenizer.from_file(str(base_file))
    reader.no_padding()
    reader.no_truncation()
    pieces = reader.encode_batch(vocabulary.glosses, add_special_tokens=False)
    kept = table[list(vocabulary.base.values())]
    glossed = torch.stack([_at_usual_length(table[piece.ids]) for piece in pieces])
    return torch.cat([kept, glossed])


def tie_traditional(vocabulary: Vocabulary, table: torch.Tensor) -> torch.Tensor:
    """Give traditional characters, rare in the rows, what their simplified forms have learned."""
    table = table.clone()
    ids = vocabulary.ids
    table[[ids[token] for token in vocabulary.traditional]] = table[
        [ids[token] for token in vocabulary.traditional.values()]
    ]
    return table


def in_english(encoding: Encoding, vocabulary: Vocabulary) -> str:
    """Word-by-word English for a tokenised text; what needs no gloss passes through."""
    border = len(vocabulary.base)
    words = [
        vocabulary.glosses[index - border] if index >= border else token
        for index, token, special in zip(
            encoding.ids, encoding.tokens, encoding.special_tokens_mask, strict=True
        )
        if not special
    ]
    return " ".join(words).replace(" ##", "")


def _first(entries: dict[str, str], count: int) -> dict[str, str]:
    return dict(list(entries.items())[:count])


def _added_token(token: str, index: int, special: bool) -> dict[str, Any]:
    """Matched in the raw text (`normalized` off): the normaliser would put spaces between a
    word's characters.
    """
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": index, "content": token, "special": special, **flags}


def _at_usual_length(rows: torch.Tensor) -> torch.Tensor:
    """The mean of some rows, stretched to their own length: a mean of unlike vectors is short."""
    mean = rows.mean(0)
    return mean * (rows.norm(dim=1).mean() / mean.norm())


def _traditional_forms(characters: dict[str, str]) -> dict[str, str]:
    """Traditional forms of the most frequent characters: the common ones (those of Big5) that are
    not listed themselves.
    """
    table = resources.files("opencc").joinpath("dictionary", "TSCharacters.txt")
    lines = table.read_text(encoding="utf-8").splitlines()
    forms = {form: simple.split(" ")[0] for form, _, simple in (x.partition("\t") for x in lines)}
    sources = _first(characters, MAX_TRADITIONAL_SOURCES)
    return {
        form: simple
        for form, simple in forms.items()
        if simple in sources and form not in characters and len(form) == 1 and _in_big5(form)
    }


def _in_big5(character: str) -> bool:
    return character.encode("big5", errors="ignore") != b""
