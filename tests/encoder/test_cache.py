"""What is remembered, and what is kept of it."""

from __future__ import annotations

import numpy as np

from router.encoder import Encoding
from router.encoder.cache import EncodingCache, digest

ENCODING = Encoding(np.ones(1, dtype=np.float32), None, 3, truncated=False)


def test_a_hit_says_that_it_was_remembered() -> None:
    cache = EncodingCache(2)
    cache.put(b"a", ENCODING)
    found = cache.get(b"a")
    assert found is not None
    assert found.cached
    assert found.probabilities is ENCODING.probabilities


def test_a_miss_is_none() -> None:
    assert EncodingCache(2).get(b"a") is None


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    cache = EncodingCache(2)
    cache.put(b"a", ENCODING)
    cache.put(b"b", ENCODING)
    cache.get(b"a")
    cache.put(b"c", ENCODING)
    assert [cache.get(key) is not None for key in (b"a", b"b", b"c")] == [True, False, True]
    assert len(cache) == 2


def test_an_entry_written_twice_takes_one_place() -> None:
    cache = EncodingCache(2)
    for key in (b"a", b"b", b"b"):
        cache.put(key, ENCODING)
    assert cache.get(b"a") is not None


def test_size_0_remembers_nothing() -> None:
    cache = EncodingCache(0)
    cache.put(b"a", ENCODING)
    assert cache.get(b"a") is None


def test_keys_are_short_whatever_the_text_and_differ_with_it() -> None:
    assert len(digest("高" * 5000)) == 16
    assert digest("a") != digest("b")
