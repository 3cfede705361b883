from __future__ import annotations

import pytest

PRICED = """\
model_config:
  base:
    preferred_endpoints: [vllm-a]
    pricing: {prompt_per_1m: 1}
    loras:
      - name: law-lora
      - name: code-lora
  other:
    pricing: {currency: EUR, prompt_per_1m: 2}
    loras:
      - name: other-lora
"""
REFS = "[{model: base, score: 0.8}, {model: other, score: 0.9}]"


def decision(refs: str, selection: str = "") -> str:
    own = f"    model_selection: {selection}\n" if selection else ""
    return (
        "decisions:\n  - name: a\n    rules: {type: language, name: zh}\n"
        f"    modelRefs: {refs}\n{own}"
    )


def priced(sound: str, currency: str) -> str:
    text = PRICED.replace("EUR", currency)
    start, end = sound.index("model_config"), sound.index("default_model")
    return sound[:start] + text + sound[end:]


WRONG = {
    "weights that are all 0": (
        decision("[{model: base, weight: 0}, {model: other, weight: 0}]"),
        "4:16: decisions[0].modelRefs: every model here has weight 0, expected one that has more",
    ),
    "a weight that another strategy does not heed": (
        decision("[{model: base, weight: 2}]", "{strategy: best}"),
        (
            "4:31: decisions[0].modelRefs[0].weight: warning: has no effect: the strategy is best, "
            "not weighted"
        ),
    ),
    "a sticky key without shares": (
        decision(REFS, "{sticky_key: user}"),
        (
            "5:23: decisions[0].model_selection.sticky_key: warning: has no effect: nothing here "
            "has the strategy weighted"
        ),
    ),
    "a quality floor without prices": (
        decision(REFS, "{quality_floor: 0.5}"),
        (
            "5:23: decisions[0].model_selection.quality_floor: warning: has no effect: nothing "
            "here has the strategy cheapest"
        ),
    ),
    "a sticky key of the file that nobody heeds": (
        "model_selection:\n  sticky_key: user\n",
        (
            "2:3: model_selection.sticky_key: warning: has no effect: nothing here has the "
            "strategy weighted"
        ),
    ),
    "the cheapest of models without prices": (
        decision("[{model: base}]", "{strategy: cheapest}"),
        (
            "4:25: decisions[0].modelRefs[0].model: warning: model 'base' has no pricing, so that "
            "it counts as the dearest"
        ),
    ),
}


@pytest.mark.parametrize(("text", "line"), WRONG.values(), ids=WRONG)
def test_a_choice_that_is_not_what_it_seems_is_one_finding(workspace, text, line):
    assert workspace.added(text) == [line]


def test_prices_in_several_currencies_cannot_be_compared(workspace, sound):
    text = decision(REFS, "{strategy: cheapest}") + priced(sound, "EUR")
    assert workspace.check(text) == [
        (
            "config.yaml:4:16: decisions[0].modelRefs: found prices in 'EUR', 'USD', expected one "
            "currency: the strategy is cheapest"
        )
    ]
    assert workspace.check(decision(REFS) + priced(sound, "EUR")) == []
    assert workspace.check(decision(REFS, "{strategy: cheapest}") + priced(sound, "USD")) == []


def test_a_floor_that_no_score_reaches_is_a_warning(workspace, sound):
    text = decision(REFS, "{strategy: cheapest, quality_floor: 0.95}") + priced(sound, "USD")
    assert workspace.check(text) == [
        (
            "config.yaml:4:16: decisions[0].modelRefs: warning: no score reaches the quality_floor "
            "of 0.95, so that the highest is chosen whatever it costs"
        )
    ]


def test_the_floor_of_the_file_is_not_that_of_settings_of_ones_own(workspace, sound):
    file = "model_selection: {strategy: cheapest, quality_floor: 0.95}\n"
    lines = workspace.check(file + decision(REFS) + priced(sound, "USD"))
    assert [line.split(": ")[1] for line in lines] == ["decisions[0].modelRefs"]
    own = decision(REFS, "{quality_floor: 0.9}")
    assert workspace.check(file + own + priced(sound, "USD")) == []


def test_shares_of_categories_are_checked_as_those_of_decisions(workspace):
    score = "lora_name: law-lora\n        score: 1.0"
    assert workspace.edited(score, f"{score}\n        weight: 0") == [
        (
            "config.yaml:24:7: categories[0].model_scores: every model here has weight 0, expected "
            "one that has more"
        )
    ]


def test_shares_that_are_heeded_are_sound(workspace):
    weighted = decision("[{model: base, weight: 0}, {model: other, weight: 1}]")
    assert workspace.added(f"{weighted}model_selection: {{sticky_key: 'header:X-User'}}\n") == []


def test_choices_are_checked_although_names_lead_nowhere(workspace):
    text = decision("[{model: bsae, weight: 0}]", "{strategy: cheapest}")
    assert [line.split(": ")[1] for line in workspace.added(text)] == [
        "decisions[0].modelRefs[0].model",
        "decisions[0].modelRefs[0].weight",
    ]
