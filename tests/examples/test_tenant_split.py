"""A tenant's users are divided among its adapters, and each keeps the one that it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenant_router.split import adapter_for

USERS = [f"user-{number}" for number in range(10_000)]

names = st.text(min_size=1, max_size=30)
shares = st.dictionaries(names, st.floats(1e-3, 1e6), min_size=1, max_size=5)


@pytest.mark.parametrize(
    "shares",
    [{"a": 50, "b": 50}, {"a": 80, "b": 20}, {"b": 0.95, "a": 0.05}, {"a": 1, "b": 2, "c": 3}],
    ids=str,
)
@pytest.mark.parametrize("tenant", ["acme", "tenant-0042", "医院"])
def test_ten_thousand_users_are_divided_within_one_point(
    shares: Mapping[str, float], tenant: str
) -> None:
    counts = Counter(adapter_for(tenant, user, shares) for user in USERS)
    total = sum(shares.values())
    for adapter, share in shares.items():
        assert abs(counts[adapter] / len(USERS) - share / total) < 0.01


@given(tenant=names, user=names, shares=shares)
def test_a_user_always_has_the_same_one_of_the_adapters_however_they_are_listed(
    tenant: str, user: str, shares: Mapping[str, float]
) -> None:
    adapter = adapter_for(tenant, user, shares)
    assert adapter in shares
    assert adapter == adapter_for(tenant, user, dict(reversed(list(shares.items()))))


def test_the_split_is_the_same_on_every_server_and_in_every_release() -> None:
    split = {"a": 1.0, "b": 1.0}
    assert "".join(adapter_for("acme", user, split) for user in USERS[:16]) == "bbbbaaaaabbababb"


def test_a_larger_share_takes_users_and_gives_none_away() -> None:
    before = {user: adapter_for("acme", user, {"a": 90, "b": 10}) for user in USERS}
    after = {user: adapter_for("acme", user, {"a": 80, "b": 20}) for user in USERS}
    moved = [user for user in USERS if before[user] != after[user]]
    assert all(after[user] == "b" for user in moved)
    assert 0.09 < len(moved) / len(USERS) < 0.125


def test_who_has_the_trial_with_one_tenant_need_not_have_it_with_another() -> None:
    split = {"a": 1, "b": 1}
    same = sum(adapter_for("acme", u, split) == adapter_for("other", u, split) for u in USERS)
    assert abs(same / len(USERS) - 0.5) < 0.02


def test_a_request_without_a_user_gets_the_largest_share_and_the_first_of_equals() -> None:
    for tenant in USERS[:20]:
        assert adapter_for(tenant, "", {"a": 1, "b": 2}) == "b"
        assert adapter_for(tenant, "", {"b": 1, "a": 1}) == "a"
