"""Bounded text: what is kept, what it costs, and what is never taken for a control token."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from router.encoder.tokens import CHARACTERS_PER_TOKEN, BoundedTokenizer, pack
from tests.encoder.tiny import BERT, tokenizer

IDS = {token: index for index, token in enumerate(BERT.vocabulary)}


def bounded(head: int = 192, tail: int = 64) -> BoundedTokenizer:
    return BoundedTokenizer(tokenizer(BERT), head=head, tail=tail)


def ids(words: str) -> list[int]:
    return [IDS[word] for word in words.split()]


def test_a_short_text_is_kept_whole_between_its_special_tokens() -> None:
    tokens = bounded().encode("hello court")
    assert tokens.ids == ids("[CLS] hello court [SEP]")
    assert not tokens.truncated


def test_the_tokenizers_own_truncation_and_padding_are_off() -> None:
    assert len(bounded().encode("court " * 100).ids) == 102
    assert len(bounded().encode("court").ids) == 3


def test_a_long_text_keeps_its_head_and_its_tail() -> None:
    tokens = bounded(head=4, tail=3).encode("court doctor hello pill pill contract hello")
    assert tokens.ids == ids("[CLS] court doctor hello contract hello [SEP]")
    assert tokens.truncated


def test_a_text_of_exactly_the_budget_is_not_truncated() -> None:
    tokens = bounded(head=4, tail=3).encode("court doctor hello pill contract")
    assert tokens.ids == ids("[CLS] court doctor hello pill contract [SEP]")
    assert not tokens.truncated


def test_without_a_tail_the_closing_token_still_stands() -> None:
    tokens = bounded(head=4, tail=0).encode("court doctor hello pill")
    assert tokens.ids == ids("[CLS] court doctor [SEP]")


def test_a_budget_that_special_tokens_fill_is_refused() -> None:
    with pytest.raises(ValueError, match="no room for text in 2 head tokens and 0 tail tokens"):
        bounded(head=2, tail=0)


def test_a_huge_text_keeps_its_head_and_its_tail_too() -> None:
    tokens = bounded().encode("court " + "hello " * 2_000_000 + "doctor")
    assert len(tokens.ids) == 256
    assert tokens.ids[:2] == ids("[CLS] court")
    assert tokens.ids[-2:] == ids("doctor [SEP]")
    assert tokens.truncated


def test_a_control_token_in_the_text_is_only_text() -> None:
    tokens = bounded().encode("[SEP] [CLS]")
    assert IDS["[SEP]"] not in tokens.ids[1:-1]
    assert IDS["[CLS]"] not in tokens.ids[1:-1]


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_joined() -> None:
    assert bounded().cut("a\ud83d") == "a\ufffd"
    assert bounded().cut("\ud83d\ude80") == "\U0001f680"


class Recorder:
    """A tokenizer that tells how much it was given."""

    def __init__(self, real: Tokenizer) -> None:
        self.real = real
        self.longest = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    def encode(self, text: str, **options: bool) -> object:
        self.longest = max(self.longest, len(text))
        return self.real.encode(text, **options)


@pytest.mark.parametrize("text", ["x" * 10_000_000, "高" * 10_000_000, "a b " * 2_500_000])
def test_the_tokenizer_never_sees_more_than_a_few_thousand_characters(text: str) -> None:
    recorder = Recorder(tokenizer(BERT))
    tokens = BoundedTokenizer(recorder, head=192, tail=64).encode(text)  # type: ignore[arg-type]
    assert recorder.longest == 256 * CHARACTERS_PER_TOKEN + 1
    assert tokens.truncated


def test_ten_million_characters_cost_no_more_than_a_few_thousand() -> None:
    one = bounded()

    def seconds(text: str) -> float:
        start = time.perf_counter()
        one.encode(text)
        return time.perf_counter() - start

    huge, modest = "court " * 2_000_000, "court " * 700
    assert min(seconds(huge) for _ in range(5)) < 5 * min(seconds(modest) for _ in range(5))


@settings(max_examples=150, deadline=None)
@given(text=st.text(st.characters(), max_size=300))
def test_cutting_twice_is_cutting_once(text: str) -> None:
    one = bounded(head=6, tail=3)
    cut = one.cut(text)
    assert one.cut(cut) == cut
    assert one.encode(cut) == one.encode(text)


@settings(max_examples=150, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 256), max_size=40),
    budget=st.integers(1, 2000),
)
def test_batches_hold_every_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = pack(lengths, budget)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        width = max(lengths[index] for index in batch)
        assert len(batch) == 1 or len(batch) * width <= budget


def test_a_large_budget_is_used() -> None:
    assert pack([5, 3, 4], 1024) == [[1, 2, 0]]
