"""Choice among equals: which model of a decision.

Filter, score, pick: pure functions over frozen values; chance comes in as a number, so that a
choice can be replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import msgspec

from router.catalog import Limits, Model, ModelRef, SelectionPolicy, Strategy
from router.request import InferenceRequest
from router.shares import by_key, proportional


class Choice(msgspec.Struct, frozen=True):
    """The model that was chosen, and why; `excluded` maps those that cannot serve to the reason.

    `ref` is None where none of them can.
    """

    ref: ModelRef | None
    why: str
    excluded: Mapping[str, str]


def choose_model(
    refs: Sequence[ModelRef],
    policy: SelectionPolicy,
    request: InferenceRequest,
    models: Mapping[str, Model],
    *,
    salt: str = "",
    chance: float = 0.0,
) -> Choice:
    """One of `refs` that can serve `request`.

    `salt` names the decision: a user who has the new adapter in one need not have it in another.
    `chance` is uniform in [0, 1), for requests without a sticky key.
    """
    excluded = {
        ref.served_name: obstacle
        for ref in refs
        if (obstacle := obstacle_to(models[ref.model].limits, request))
    }
    able = [ref for ref in refs if ref.served_name not in excluded] if excluded else refs
    if not able:
        return Choice(None, "no model can take the request", excluded)
    if len(able) == 1:
        return Choice(able[0], "the only model that can take the request", excluded)
    ref, why = _PICKS[policy.strategy](able, policy, _Draw(request, salt, chance), models)
    return Choice(ref, why, excluded)


def obstacle_to(limits: Limits, request: InferenceRequest) -> str | None:
    """Why a model with these limits cannot serve the request, or None. Unknown limits forbid
    nothing."""
    prompt = request.prompt
    if limits.vision is False and prompt.has_images:
        return "the request has images"
    if limits.tools is False and prompt.has_tools:
        return "the request has tools"
    if limits.max_model_len is not None:
        needed = prompt.estimated_tokens + (request.max_tokens or 0)
        if needed > limits.max_model_len:
            return f"about {needed} tokens exceed max_model_len {limits.max_model_len}"
    return None


@dataclass(frozen=True, slots=True)
class _Draw:
    """Where chance comes from."""

    request: InferenceRequest
    salt: str
    chance: float


Pick = Callable[
    [Sequence[ModelRef], SelectionPolicy, _Draw, Mapping[str, Model]], tuple[ModelRef, str]
]


def _best(
    refs: Sequence[ModelRef], _: SelectionPolicy, __: _Draw, ___: Mapping[str, Model]
) -> tuple[ModelRef, str]:
    return max(refs, key=lambda ref: ref.score), "the highest score"


def _cheapest(
    refs: Sequence[ModelRef], policy: SelectionPolicy, _: _Draw, models: Mapping[str, Model]
) -> tuple[ModelRef, str]:
    """The lowest price, then the higher score; without a good enough one the highest score."""
    good = [ref for ref in refs if ref.score >= policy.quality_floor]
    if not good:
        return max(refs, key=lambda ref: ref.score), "the highest score, below quality_floor"

    def cost(ref: ModelRef) -> tuple[float, float]:
        price = models[ref.model].price
        return (inf if price is None else price, -ref.score)

    return min(good, key=cost), "the lowest price"


def _weighted(
    refs: Sequence[ModelRef], policy: SelectionPolicy, draw: _Draw, _: Mapping[str, Model]
) -> tuple[ModelRef, str]:
    shares = [ref.score if ref.weight is None else ref.weight for ref in refs]
    if not any(shares):
        return max(refs, key=lambda ref: ref.score), "the highest score, for all weights are 0"
    key = sticky_value(policy.sticky_key, draw.request)
    if key is None:
        return refs[proportional(shares, draw.chance)], "weighted chance"
    names = [ref.served_name for ref in refs]
    return refs[by_key(names, shares, f"{draw.salt}\0{key}")[0]], f"sticky by {policy.sticky_key}"


_PICKS: Mapping[Strategy, Pick] = {
    Strategy.BEST: _best,
    Strategy.CHEAPEST: _cheapest,
    Strategy.WEIGHTED: _weighted,
}


def sticky_value(key: str, request: InferenceRequest) -> str | None:
    """What `key` is in this request, or None where the request does not have it.

    A conversation is known by how it began, which every further turn repeats.
    """
    if key == "user":
        return request.user or None
    if key == "conversation":
        prompt = request.prompt
        began = next((turn.text for turn in prompt.turns if turn.role == "user"), "")
        return f"{prompt.system}\0{began}" if began else None
    return request.headers.get(key.removeprefix("header:")) or None
