"""Text to token ids, bounded: the head and the tail of a long text, at the cost of a short one.

Knows the tokenizer; leaves tensors to `onnx` and queues to `batcher`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tokenizers import Tokenizer

# Characters kept for each token wanted. English needs about five and indented code about eight;
# more would only make the tokenizer's work on a huge prompt longer.
CHARACTERS_PER_TOKEN = 12


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text as the graph sees it, special tokens included."""

    ids: list[int] = field(repr=False)
    truncated: bool


class BoundedTokenizer:
    """Keeps the first `head` and the last `tail` tokens of a text, special tokens included.

    The middle goes because instructions open a prompt and questions close it.
    """

    def __init__(self, tokenizer: Tokenizer, *, head: int, tail: int) -> None:
        # tokenizer.json may cut or pad on its own; then the graph would see neither the tail nor
        # the true length.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        # A client's "[SEP]" or "<s>" is text, not a control token.
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        self._prefix, self._suffix = _special_tokens(tokenizer)
        room = head + tail - len(self._prefix) - len(self._suffix)
        if room < 1 or tail < 0:
            raise ValueError(f"no room for text in {head} head tokens and {tail} tail tokens")
        self._tail = max(0, tail - len(self._suffix))
        self._head = room - self._tail
        self._head_characters = head * CHARACTERS_PER_TOKEN
        self._tail_characters = tail * CHARACTERS_PER_TOKEN

    def cut(self, text: str) -> str:
        """The characters that tokens are made of; equal cuts give equal tokens.

        Cutting before tokenising is what bounds the time for a prompt of any length. A cut text
        is one character longer than the limit, so it is cut to itself and known as truncated.
        """
        if self._too_long(text):
            tail = text[-self._tail_characters :] if self._tail_characters else ""
            text = f"{text[: self._head_characters]} {tail}"
        return text if text.isascii() else _without_lone_surrogates(text)

    def encode(self, text: str) -> Tokens:
        """Token ids of a text that may have been cut already."""
        ids = self._tokenizer.encode(self.cut(text), add_special_tokens=False).ids
        truncated = self._too_long(text)
        if len(ids) > self._head + self._tail:
            ids = ids[: self._head] + ids[len(ids) - self._tail :]
            truncated = True
        return Tokens(self._prefix + ids + self._suffix, truncated)

    def _too_long(self, text: str) -> bool:
        return len(text) > self._head_characters + self._tail_characters


def pack(lengths: Sequence[int], token_budget: int) -> list[list[int]]:
    """Indexes in batches of similar length whose padded tokens stay within the budget.

    A text longer than the budget travels alone.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        # Ascending lengths: the newcomer is the widest of its batch.
        if batches and (len(batches[-1]) + 1) * lengths[index] <= token_budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def _special_tokens(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """What the tokenizer puts before and after a text."""
    probe = tokenizer.encode("a")
    mask = probe.special_tokens_mask
    before = mask.index(0) if 0 in mask else len(mask)
    after = mask[::-1].index(0) if 0 in mask else 0
    return probe.ids[:before], probe.ids[len(mask) - after :]


def _without_lone_surrogates(text: str) -> str:
    """JSON escapes can smuggle half a UTF-16 pair into a string; the tokenizer refuses it."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
