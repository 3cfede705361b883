"""Which model of a decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.catalog import Limits, Model, ModelRef, SelectionPolicy, Strategy
from router.request import Api, Headers, InferenceRequest, Prompt, Turn
from router.selection import Choice, choose_model, sticky_value

WEIGHTED = SelectionPolicy(Strategy.WEIGHTED)
CHEAPEST = SelectionPolicy(Strategy.CHEAPEST, quality_floor=0.7)
OLD_AND_NEW = (ModelRef("a", "old", weight=80), ModelRef("a", "new", weight=20))


def asking(text: str = "hello", **facts: object) -> InferenceRequest:
    user = facts.pop("user", None)
    headers = facts.pop("headers", Headers())
    max_tokens = facts.pop("max_tokens", None)
    prompt = Prompt((Turn("user", text),), **facts)  # type: ignore[arg-type]
    return InferenceRequest(
        Api.CHAT_COMPLETIONS,
        "MoM",
        prompt,
        user=user,  # type: ignore[arg-type]
        headers=headers,  # type: ignore[arg-type]
        max_tokens=max_tokens,  # type: ignore[arg-type]
    )


def choose(
    refs: Sequence[ModelRef],
    policy: SelectionPolicy = SelectionPolicy(),  # noqa: B008 - frozen
    request: InferenceRequest | None = None,
    *,
    limits: dict[str, Limits] | None = None,
    prices: dict[str, float] | None = None,
    salt: str = "decision",
    chance: float = 0.0,
) -> Choice:
    models = {
        ref.model: Model(
            ref.model,
            (),
            price=(prices or {}).get(ref.model),
            limits=(limits or {}).get(ref.model, Limits()),
        )
        for ref in refs
    }
    return choose_model(refs, policy, request or asking(), models, salt=salt, chance=chance)


def chosen(choice: Choice) -> str | None:
    return choice.ref.served_name if choice.ref else None


def test_the_highest_score_wins_and_the_first_of_equals() -> None:
    assert chosen(choose((ModelRef("a", score=0.5), ModelRef("b", "lora", score=0.9)))) == "lora"
    assert chosen(choose((ModelRef("a", score=0.9), ModelRef("b", score=0.9)))) == "a"


def test_users_share_the_adapters_by_weight_within_a_point() -> None:
    shares = Counter(
        chosen(choose(OLD_AND_NEW, WEIGHTED, asking(user=f"user-{number}")))
        for number in range(10_000)
    )
    assert shares["old"] == pytest.approx(8000, abs=100)
    assert shares["new"] == 10_000 - shares["old"]


@given(st.text(min_size=1), st.floats(0, 1, exclude_max=True), st.text())
def test_a_user_keeps_the_adapter_whatever_chance_and_text_say(
    user: str, chance: float, text: str
) -> None:
    first = choose(OLD_AND_NEW, WEIGHTED, asking(user=user))
    again = choose(OLD_AND_NEW, WEIGHTED, asking(text, user=user), chance=chance)
    assert first.ref is again.ref
    assert again.why == "sticky by user"


def test_when_shares_change_only_those_move_that_must() -> None:
    more = (ModelRef("a", "old", weight=50), ModelRef("a", "new", weight=50))
    users = [asking(user=f"user-{number}") for number in range(2000)]
    before = [chosen(choose(OLD_AND_NEW, WEIGHTED, user)) for user in users]
    after = [chosen(choose(more, WEIGHTED, user)) for user in users]
    assert not any(b == "new" and a == "old" for b, a in zip(before, after, strict=True))
    assert after.count("new") == pytest.approx(1000, abs=80)


def test_the_groups_of_two_decisions_are_independent() -> None:
    users = [asking(user=f"user-{number}") for number in range(4000)]
    both = Counter(
        (
            chosen(choose(OLD_AND_NEW, WEIGHTED, user, salt="one")),
            chosen(choose(OLD_AND_NEW, WEIGHTED, user, salt="two")),
        )
        for user in users
    )
    assert both["new", "new"] == pytest.approx(4000 * 0.04, abs=50)


def test_without_a_key_chance_decides_in_proportion() -> None:
    picked = Counter(chosen(choose(OLD_AND_NEW, WEIGHTED, chance=i / 100)) for i in range(100))
    assert picked == {"old": 80, "new": 20}


def test_scores_are_the_shares_where_no_weight_is_written() -> None:
    refs = (ModelRef("a", score=1.0), ModelRef("b", score=3.0))
    picked = Counter(chosen(choose(refs, WEIGHTED, chance=i / 100)) for i in range(100))
    assert picked == {"a": 25, "b": 75}


def test_a_model_of_weight_zero_gets_nobody() -> None:
    refs = (ModelRef("a", weight=0), ModelRef("b", weight=1))
    users = [asking(user=str(number)) for number in range(200)]
    assert {chosen(choose(refs, WEIGHTED, user)) for user in users} == {"b"}
    assert {chosen(choose(refs, WEIGHTED, chance=i / 50)) for i in range(50)} == {"b"}


def test_a_conversation_is_known_by_how_it_began() -> None:
    def talk(*turns: str, system: str = "") -> InferenceRequest:
        spoken = tuple(Turn("user", turn) for turn in turns)
        return InferenceRequest(Api.CHAT_COMPLETIONS, "MoM", Prompt(spoken, system))

    begun = sticky_value("conversation", talk("hi"))
    assert begun is not None
    assert sticky_value("conversation", talk("hi", "and then?")) == begun
    assert sticky_value("conversation", talk("hello")) != begun
    assert sticky_value("conversation", talk("hi", system="Be brief.")) != begun
    assert sticky_value("conversation", talk()) is None


def test_a_header_can_be_the_key() -> None:
    request = asking(headers=Headers([("x-user-id", "u1")]))
    assert sticky_value("header:x-user-id", request) == "u1"
    assert sticky_value("header:x-other", request) is None
    assert sticky_value("user", request) is None


def test_the_cheapest_model_that_is_good_enough_wins() -> None:
    refs = (
        ModelRef("best", score=0.95),
        ModelRef("good", score=0.8),
        ModelRef("poor", score=0.5),
        ModelRef("unpriced", score=0.9),
    )
    prices = {"best": 10.0, "good": 1.0, "poor": 0.1}
    assert chosen(choose(refs, CHEAPEST, prices=prices)) == "good"
    assert chosen(choose((refs[2], refs[0]), CHEAPEST, prices=prices)) == "best"


def test_of_equal_prices_the_better_model_wins() -> None:
    refs = (ModelRef("a", score=0.8), ModelRef("b", score=0.9))
    assert chosen(choose(refs, CHEAPEST, prices={"a": 1.0, "b": 1.0})) == "b"


def test_where_nothing_is_good_enough_the_best_answers() -> None:
    refs = (ModelRef("a", score=0.1), ModelRef("b", score=0.2))
    assert chosen(choose(refs, CHEAPEST, prices={"a": 1.0, "b": 9.0})) == "b"


@pytest.mark.parametrize(
    ("limits", "request_", "obstacle"),
    [
        (Limits(vision=False), asking(has_images=True), "the request has images"),
        (Limits(tools=False), asking(has_tools=True), "the request has tools"),
        (
            Limits(max_model_len=100),
            asking("x" * 200, max_tokens=60),
            "about 110 tokens exceed max_model_len 100",
        ),
    ],
)
def test_a_request_is_kept_off_a_model_that_cannot_take_it(
    limits: Limits, request_: InferenceRequest, obstacle: str
) -> None:
    refs = (ModelRef("small", score=1.0), ModelRef("large", score=0.1))
    choice = choose(refs, request=request_, limits={"small": limits})
    assert chosen(choice) == "large"
    assert choice.excluded == {"small": obstacle}
    assert chosen(choose(refs, limits={"small": limits})) == "small"


def test_limits_that_are_not_known_forbid_nothing() -> None:
    refs = (ModelRef("a", score=1.0), ModelRef("b", score=0.1))
    request = asking("x" * 10**6, has_images=True, has_tools=True, max_tokens=10**9)
    assert chosen(choose(refs, request=request)) == "a"


def test_where_no_model_can_take_the_request_none_is_chosen() -> None:
    choice = choose(
        (ModelRef("a"),), request=asking(has_images=True), limits={"a": Limits(vision=False)}
    )
    assert choice.ref is None
    assert choice.excluded == {"a": "the request has images"}
