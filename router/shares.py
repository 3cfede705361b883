"""Choice in proportion: by chance, or by a key that always leads to the same place.

Pure arithmetic over lists of shares, which need not sum to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from math import inf, log

_BYTES = 8


def proportional(shares: Sequence[float], chance: float) -> int:
    """An index with probability in proportion to its share; not one of share 0 unless all are.

    `chance` is uniform in [0, 1).
    """
    remaining = chance * sum(shares)
    for index, share in enumerate(shares):
        remaining -= share
        if remaining < 0:
            return index
    return max(range(len(shares)), key=shares.__getitem__)


def by_key(names: Sequence[str], shares: Sequence[float], key: str) -> list[int]:
    """The indices in the order that `key` prefers, first places in proportion to the shares.

    Weighted rendezvous hashing: when a share changes, or a name comes or goes, only as many keys
    move as must. An index of share 0 comes last. A name that stands there twice is
    two places.
    """
    places = [f"{name}\0{names[:i].count(name) or ''}" for i, name in enumerate(names)]

    def distance(index: int) -> float:
        if not shares[index]:
            return inf
        text = f"{places[index]}\0{key}".encode(errors="surrogatepass")
        number = int.from_bytes(blake2b(text, digest_size=_BYTES).digest())
        return -log((number + 0.5) / 2 ** (8 * _BYTES)) / shares[index]

    return sorted(range(len(names)), key=distance)
