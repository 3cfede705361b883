"""The command that re-creates the shipped files: `python -m models.training --data DIR --out
models/mom-domain-classifier`.
"""

import argparse
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer

from models.labels import LABELS
from models.training.base import TOKENIZER_FILE, base_weights, base_word_table
from models.training.batches import Batches
from models.training.calibration import even_out
from models.training.data import Row, read_concepts, read_glossary, read_parallel, read_rows
from models.training.export import export, fp32_graph
from models.training.fit import fit
from models.training.network import DomainNetwork, Encoder, WordTable
from models.training.teacher import targets
from models.training.vocabulary import (
    Vocabulary,
    build_vocabulary,
    initial_embeddings,
    tie_traditional,
    tokenizer_file,
)

DEFAULT_DATA = Path(os.environ.get("DOMAIN_DATA", "../shared/data/domain"))
SEED = 20261120
DEFAULT_OUT = Path("models/mom-domain-classifier")


def main() -> None:
    options = _options()
    torch.manual_seed(SEED)
    vocabulary = build_vocabulary(
        TOKENIZER_FILE, read_glossary("glossary_chars.tsv"), read_glossary("glossary_words.tsv")
    )
    tokenizer = tokenizer_file(TOKENIZER_FILE, vocabulary)
    rows = training_rows(options.data, options.rows)
    batches = new_batches(rows, tokenizer, vocabulary)
    network = fit(new_network(vocabulary), batches, partial(_keep, options.checkpoint))
    even_out(network, rows)
    words = tie_traditional(vocabulary, network.encoder.words.rows.detach())
    held_out = read_rows(options.data / "valid.jsonl")
    temperature = export(network, words, tokenizer, held_out, options.out)
    if options.fp32:
        options.fp32.write_bytes(fp32_graph(network, words, temperature))
    print(f"wrote {options.out}, temperature {temperature:.3f}")


def _keep(checkpoint: Path | None, network: DomainNetwork) -> None:
    if checkpoint:
        torch.save(network.state_dict(), checkpoint)


def new_network(vocabulary: Vocabulary) -> DomainNetwork:
    """The base encoder with room for the new tokens, and fresh heads."""
    rows = initial_embeddings(TOKENIZER_FILE, vocabulary, base_word_table())
    encoder = Encoder(WordTable(rows, old=len(vocabulary.base)))
    encoder.load_base(base_weights())
    return DomainNetwork(encoder, len(LABELS))


def training_rows(data: Path, count: int | None = None) -> list[Row]:
    """The corpus, the parallel prompts and the concepts; or a sample of them, to try things out."""
    corpus = [row for row in read_rows(data / "train.jsonl") if not row.wrapped]
    rows = corpus + read_parallel() + read_concepts(Random(SEED))
    return Random(SEED).sample(rows, count) if count else rows


def new_batches(rows: Sequence[Row], tokenizer: str, vocabulary: Vocabulary) -> Batches:
    by_words = Tokenizer.from_str(tokenizer)
    by_characters = Tokenizer.from_str(tokenizer_file(TOKENIZER_FILE, vocabulary, with_words=False))
    return Batches(rows, targets(rows, by_words, vocabulary), by_words, by_characters)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.training", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=DEFAULT_DATA, help="folder with train.jsonl and valid.jsonl"
    )
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="where the shipped files go")
    parser.add_argument("--rows", type=int, help="train on so many rows only, to try things out")
    parser.add_argument(
        "--checkpoint", type=Path, help="keep the averaged weights here after every epoch"
    )
    parser.add_argument(
        "--fp32", type=Path, help="keep the unquantised graph here, to measure what int8 costs"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
