"""A loaded ONNX export of a sequence classifier or sentence encoder: the synchronous door.

Knows onnxruntime sessions and what tensors a graph wants; leaves files to `files`, label names to
`labels`, text to `tokens`, the meaning of outputs to `outputs` and concurrency to `batcher`.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from router.encoder import Encoding, Vector
from router.encoder.files import ModelFiles, describe_unreadable, find_model_files, first_line
from router.encoder.identity import identity_of
from router.encoder.labels import Labels, read_labels
from router.encoder.outputs import POOLED, TOKEN_VECTORS, Array, Outputs
from router.encoder.tokens import BoundedTokenizer, Tokens, pack
from router.errors import ClassifierFailed, ModelFilesError

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"
DTYPES: Mapping[str, type[np.generic]] = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(float)": np.float32,
}
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
# Padded tokens of one batch. On a core, short texts of an fp32 graph cost half as much together,
# and beyond 256 tokens nothing is gained; a GPU is idle below thousands.
TOKEN_BUDGET_CPU = 256
TOKEN_BUDGET_GPU = 16384
ALONE = 1


class OnnxModel:
    """Text to label probabilities and sentence vectors in one forward pass.

    `run` may be called from several threads. A process that forks must load after the fork.
    """

    def __init__(
        self, session: Any, tokenizer: BoundedTokenizer, labels: Labels, outputs: Outputs, pad: int
    ) -> None:
        self.labels = labels.names if outputs.logits else ()
        self.aliases = labels.aliases if outputs.logits else {}
        self.token_budget = TOKEN_BUDGET_CPU
        self._session = session
        self._tokenizer = tokenizer
        self._outputs = outputs
        self._pad = pad
        self._dtypes = {tensor.name: DTYPES[tensor.type] for tensor in session.get_inputs()}
        self.dimensions = 0
        self.identity = ""

    @classmethod
    def load(
        cls,
        directory: Path,
        *,
        use_cpu: bool = True,
        head_tokens: int = 192,
        tail_tokens: int = 64,
        threads: int = 1,
        mapping: Path | None = None,
    ) -> OnnxModel:
        """Load, check and warm a model directory.

        Raises ModelFilesError, in one line with the path and the mend, where it cannot be used.
        """
        files = find_model_files(directory)
        labels = read_labels(files, mapping)
        tokenizer, pad = _open_tokenizer(files, head_tokens, tail_tokens)
        session = _open_session(files.graph, use_cpu=use_cpu, threads=threads)
        outputs = _choose_outputs(files, session)
        _check_inputs(files.graph, session)
        model = cls(session, tokenizer, labels, outputs, pad)
        model.token_budget = _token_budget(files.graph, use_cpu=use_cpu)
        model.identity = identity_of(
            files, head=head_tokens, tail=tail_tokens, outputs=tuple(outputs.names)
        )
        model._probe(files.graph, labels)
        return model

    def run(self, texts: Sequence[str]) -> list[Encoding]:
        """Encode texts in this thread.

        Raises ClassifierFailed if the graph raises on any of them.
        """
        tokens = [self.tokenize(text) for text in texts]
        found: dict[int, Encoding] = {}
        for batch in pack([len(one.ids) for one in tokens], self.token_budget):
            found.update(zip(batch, self.run_tokens([tokens[i] for i in batch]), strict=True))
        return [found[index] for index in range(len(texts))]

    def cut(self, text: str) -> str:
        """The part of a text that is read; equal cuts give equal encodings."""
        return self._tokenizer.cut(text)

    def tokenize(self, text: str) -> Tokens:
        """Raises ClassifierFailed if the tokenizer refuses the text or finds nothing in it."""
        try:
            tokens = self._tokenizer.encode(text)
        except Exception as error:
            # The library's message may quote the text.
            raise ClassifierFailed(f"the tokenizer raised {type(error).__name__}") from None
        if not tokens.ids:
            raise ClassifierFailed("the text holds no tokens")
        return tokens

    def run_tokens(self, batch: Sequence[Tokens]) -> list[Encoding]:
        """One forward pass over one padded batch."""
        ids, mask = self._pad_batch(batch)
        feed = {name: self._tensor(name, ids, mask) for name in self._dtypes}
        try:
            values = self._session.run(self._outputs.names, feed)
        except Exception as error:
            raise ClassifierFailed(f"the graph raised: {first_line(error)}") from error
        probabilities, embeddings = self._outputs.read(values, mask)
        return [
            Encoding(
                _row(probabilities, index), _row(embeddings, index), len(one.ids), one.truncated
            )
            for index, one in enumerate(batch)
        ]

    def _pad_batch(self, batch: Sequence[Tokens]) -> tuple[Array, Array]:
        width = max(len(tokens.ids) for tokens in batch)
        ids = np.full((len(batch), width), self._pad, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens.ids)] = tokens.ids
            mask[row, : len(tokens.ids)] = 1
        return ids, mask

    def _tensor(self, name: str, ids: Array, mask: Array) -> Array:
        if name == "token_type_ids":
            return np.zeros_like(ids, dtype=self._dtypes[name])
        tensor = ids if name == "input_ids" else mask
        return tensor.astype(self._dtypes[name], copy=False)

    def _probe(self, graph: Path, labels: Labels) -> None:
        """Run once: it warms the session and shows what the graph's signature leaves open."""
        try:
            encoding = self.run(["warm up"])[0]
        except ClassifierFailed as error:
            raise ModelFilesError(f"{graph}: does not run on a sample text: {error}") from error
        if encoding.probabilities is not None:
            _check_label_count(graph, encoding.probabilities.shape, labels)
        if encoding.embedding is not None:
            self.dimensions = encoding.embedding.shape[0]


def _row(rows: Vector | None, index: int) -> Vector | None:
    """A read-only row, for callers and the cache share it; copied if that lets a batch go."""
    if rows is None:
        return None
    row: Vector = rows[index]
    if len(rows) > 1:
        row = row.copy()
        row.flags.writeable = False
    return row


def _open_tokenizer(files: ModelFiles, head: int, tail: int) -> tuple[BoundedTokenizer, int]:
    try:
        tokenizer = Tokenizer.from_file(str(files.tokenizer))
    except Exception as error:
        raise ModelFilesError(describe_unreadable(files.tokenizer, error)) from error
    padding = tokenizer.padding or {}
    named = (tokenizer.token_to_id(name) for name in ("[PAD]", "<pad>"))
    known = next((index for index in named if index is not None), 0)
    pad = files.pad_token_id(default=padding.get("pad_id", known))
    if files.max_positions and head + tail > files.max_positions:
        # A model with fewer positions keeps the proportion of head to tail.
        tail = tail * files.max_positions // (head + tail)
        head = files.max_positions - tail
    try:
        return BoundedTokenizer(tokenizer, head=head, tail=tail), pad
    except ValueError as error:
        raise ModelFilesError(f"{files.directory}: {error}; allow more tokens") from error


def _open_session(graph: Path, *, use_cpu: bool, threads: int) -> Any:
    available = onnxruntime.get_available_providers()
    if not use_cpu and CUDA not in available:
        raise ModelFilesError(_no_cuda(graph, available))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Plans are kept for every input shape ever seen and gain nothing here.
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            str(graph), options, providers=[CPU] if use_cpu else [CUDA, CPU]
        )
    except Exception as error:
        raise ModelFilesError(describe_unreadable(graph, error)) from error
    if not use_cpu and CUDA not in session.get_providers():
        # onnxruntime falls back silently when CUDA's libraries or the device are missing.
        raise ModelFilesError(_no_cuda(graph, session.get_providers()))
    return session


def _no_cuda(graph: Path, providers: Sequence[str]) -> str:
    return (
        f"{graph}: use_cpu: false needs {CUDA}, but onnxruntime has {', '.join(providers)}; "
        "install lora-router[gpu] on a machine with CUDA, or set use_cpu: true"
    )


def _choose_outputs(files: ModelFiles, session: Any) -> Outputs:
    ranks = {tensor.name: len(tensor.shape) for tensor in session.get_outputs()}
    outputs = Outputs.choose(ranks, files.pooling)
    if not outputs.names:
        raise ModelFilesError(
            f"{files.graph}: outputs are {', '.join(ranks)}; expected one of "
            f"{', '.join(('logits', *POOLED, *TOKEN_VECTORS))}"
        )
    if ranks.get("logits", 2) != 2:
        raise ModelFilesError(
            f"{files.graph}: logits have {ranks['logits']} axes, expected 2; "
            "a token classifier cannot classify whole texts"
        )
    return outputs


def _check_inputs(graph: Path, session: Any) -> None:
    for tensor in session.get_inputs():
        if tensor.name not in INPUTS or tensor.type not in DTYPES:
            raise ModelFilesError(
                f"{graph}: input {tensor.name} of {tensor.type} cannot be filled; "
                f"expected only {', '.join(INPUTS)}"
            )
        if any(isinstance(axis, int) for axis in tensor.shape):
            raise ModelFilesError(
                f"{graph}: input {tensor.name} has the fixed shape {tensor.shape}; "
                "export with dynamic batch and sequence axes"
            )


def _check_label_count(graph: Path, shape: tuple[int, ...], labels: Labels) -> None:
    if not labels.names:
        raise ModelFilesError(
            f"{graph}: {shape[0]} logits but no label names; "
            "put id2label into config.json or a category_mapping.json beside it"
        )
    if shape[0] != len(labels.names):
        raise ModelFilesError(
            f"{graph}: {shape[0]} logits, but {labels.source} names {len(labels.names)} labels; "
            "use the labels that the model was trained with"
        )


def _token_budget(graph: Path, *, use_cpu: bool) -> int:
    """A dynamically quantised graph takes its scales from the whole batch, so that strangers'
    texts change a text's scores: by up to 0.15 for the default model, and the label of one text
    in seventy. There each text runs alone, and the same text always gets the same answer."""
    with graph.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(b"DynamicQuantize") >= 0:
            return ALONE
    return TOKEN_BUDGET_CPU if use_cpu else TOKEN_BUDGET_GPU
