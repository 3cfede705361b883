"""The account as people read it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from router.catalog import Limits
from router.decisions import All, Decision, Is, Not, Stage
from router.decisions import Any as Some
from router.errors import Overloaded
from router.explain.account import explain
from router.explain.cells import width
from router.explain.text import render
from router.matches import PROPOSAL, Match
from router.snapshot import Snapshot
from tests.conftest import ScriptedSignal
from tests.explain.conftest import Words, asking, keyword


async def shown(snapshot: Snapshot, **more: Any) -> str:
    return "\n".join(render(await explain(snapshot, asking(**more))))


async def test_the_choice_comes_first_and_then_every_score(snapshot: Snapshot, signal: Any) -> None:
    signal.confidences = {"legal": 0.9, "medical": 0.05}
    text = await shown(snapshot)
    assert text.startswith(
        "model       legal-lora\nadapter     legal-lora\nendpoint    vllm-primary"
    )
    assert "why         legal is the only one of 4 that holds" in text
    assert "holds    legal                        0.9000" in text
    assert "below    medical                      0.0500" in text
    assert "labels: law 0.5\n            truncated yes" in text
    assert "decisions   wins     legal                        0.9000  domain" in text


async def test_a_rule_is_shown_part_by_part(rich: Snapshot, signal: Any, words: Words) -> None:
    words.found = (keyword("contract"),)
    signal.confidences = {"health": 0.2}
    lines = (await shown(rich)).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("decisions"))
    assert [line.strip() for line in lines[at : at + 5]] == [
        "decisions   wins     urgent-legal                 1.0000  decisions, priority 100",
        "holds      all of                     1.0000",
        "holds        keyword contract         1.0000",
        "holds        not",
        "no             domain health          0.2000",
    ]
    assert "keywords (keyword contract, start 3, end 9)" in "\n".join(lines)
    assert lines[-1] == "not asked   domain (4)"


async def test_the_choice_of_a_model_is_shown_where_there_was_one(
    rich: Snapshot, words: Words
) -> None:
    words.found = (keyword("contract"),)
    models = dict(rich.catalog.models)
    models["qwen3-8b"] = replace(models["qwen3-8b"], limits=Limits(vision=False))
    text = await shown(replace(rich, catalog=replace(rich.catalog, models=models)), has_images=True)
    assert "chosen      the only model that can take the request (strategy: weighted)" in text
    assert "legal-lora                   score 0.9, weight 3" in text
    assert "code-lora                    score 0.4, excluded: the request has images" in text


async def test_what_changes_in_the_request_is_shown(rich: Snapshot, words: Words) -> None:
    words.found = (keyword("contract"),)
    text = await shown(rich)
    assert "system      the decision's prompt, mode insert" in text
    assert "headers     sets x-team; removes x-debug" in text
    assert "rule        routing_rules[0], endpoint vllm-primary" in text
    assert "reasoning   on, effort medium" in text or "reasoning   off" in text


async def test_a_failure_is_shown_where_it_happened(snapshot: Snapshot, signal: Any) -> None:
    signal.failure = Overloaded("the queue is full")
    text = await shown(snapshot)
    assert "failed: the queue is full" in text
    assert "unknown  medical" in text


async def test_hundreds_of_decisions_and_matches_leave_a_page_to_read(
    snapshot: Snapshot, signal: Any
) -> None:
    names = [f"category-{number}" for number in range(400)]
    signal.confidences = {n: 0.9 if i < 50 else i / 1000 for i, n in enumerate(names)}
    refs = (snapshot.catalog.default,)
    stage = Stage([Decision(name, Is("domain", name), refs) for name in names])
    text = await shown(replace(snapshot, stages=(stage,)))
    assert len(text.splitlines()) < 70
    assert text.count("and 377 more, 30 of which hold") == 2
    assert "below    category-399" in text  # the nearest of the others
    assert "category-100" not in text


async def test_where_none_of_the_rest_holds_it_says_so(snapshot: Snapshot, signal: Any) -> None:
    signal.confidences = {"legal": 0.9, **{f"other-{n}": 0.1 for n in range(9)}}
    assert "and 6 more, none of which holds" in await shown(snapshot)


async def test_a_rule_of_hundreds_of_parts_is_cut_short(snapshot: Snapshot, signal: Any) -> None:
    rule = Some(tuple(Is("domain", f"d{n}") for n in range(100)))
    world = replace(
        snapshot, stages=(Stage([Decision("many", rule, (snapshot.catalog.default,))]),)
    )
    signal.confidences = {"d7": 0.9}
    assert "and 71 more conditions" in await shown(world)


async def test_a_group_of_one_is_no_group(snapshot: Snapshot, signal: Any) -> None:
    rule = All((Some((Is("domain", "law"),)), Not(Some((Is("domain", "art"),)))))
    stage = Stage([Decision("law", rule, (snapshot.catalog.default,))])
    signal.confidences = {"law": 0.9}
    lines = (await shown(replace(snapshot, stages=(stage,)))).splitlines()
    assert [line.split()[1:] for line in lines[-4:]] == [
        ["all", "of", "0.9000"],
        ["domain", "law", "0.9000"],
        ["not"],
        ["domain", "art"],
    ]


async def test_a_decision_on_one_signal_names_it_where_it_is_not_its_own(
    rich: Snapshot, signal: Any
) -> None:
    signal.confidences = {"legal": 0.9}
    assert "wins     law                          0.9000  decisions, domain legal" in await shown(
        rich
    )


async def test_a_signals_own_choice_of_model_needs_no_name(snapshot: Snapshot) -> None:
    ref = snapshot.catalog.default
    proposal = Decision("mcp", Is("mcp", PROPOSAL), proposer="mcp")
    server = Words((Match("mcp", "tenant", 0.9, ref=ref),), kind="mcp")
    world = replace(snapshot, stages=(Stage([proposal]),), signals={"mcp": server})
    text = await shown(world)
    assert "chosen      named by mcp" in text
    assert text.endswith("wins     mcp                          0.9000  mcp")


async def test_stages_are_only_missed_where_one_was_asked(snapshot: Snapshot) -> None:
    assert "not asked" not in await shown(snapshot, model="legal-lora")


async def test_of_two_decisions_with_one_name_the_right_one_wins(
    snapshot: Snapshot, signal: Any
) -> None:
    ref = (snapshot.catalog.default,)
    earlier = Stage([Decision("legal", Is("domain", "contracts"), ref)])
    signal.confidences = {"legal": 0.9, "contracts": 0.1}
    lines = (await shown(replace(snapshot, stages=(earlier, *snapshot.stages)))).splitlines()
    won = [line for line in lines if "wins" in line]
    assert len(won) == 1
    assert won[0].endswith("domain")


async def test_the_others_come_by_how_near_they_were(snapshot: Snapshot, signal: Any) -> None:
    ref = (snapshot.catalog.default,)
    near = Decision("near", All((Is("domain", "law"), Is("domain", "art"))), ref)
    far = [Decision(f"far-{n}", Is("domain", f"d{n}"), ref) for n in range(9)]
    unknown = Decision("unknown", Is("mcp", "law"), ref)
    stage = Stage([*far, near, unknown])
    mcp = ScriptedSignal(failure=Overloaded("full"), kind="mcp")
    signal.confidences = {"law": 0.5, "art": 0.1, "d5": 0.3}
    signals = {"domain": signal, "mcp": mcp}
    text = await shown(replace(snapshot, stages=(stage,), signals=signals))
    lines = text.split("\ndecisions")[1].splitlines()
    named = [line.split()[1] for line in lines if "decisions" in line]
    assert named == ["unknown", "near", "far-5"]
    assert "and 8 more, none of which holds" in text


async def test_columns_line_up_behind_chinese_names(snapshot: Snapshot, signal: Any) -> None:
    signal.confidences = {"法律": 0.9, "law": 0.8}
    lines = [line for line in (await shown(snapshot)).splitlines() if "  holds  " in line]
    starts = {width(line[: line.rindex("0.")]) for line in lines}
    assert len(lines) == 2
    assert len(starts) == 1


async def test_nothing_that_a_terminal_acts_on_is_printed(snapshot: Snapshot, signal: Any) -> None:
    signal.failure = Overloaded("a server said \x1b[2J")
    assert all(line.isprintable() for line in (await shown(snapshot)).splitlines())


async def test_a_match_is_shown_with_the_model_that_it_names(rich: Snapshot, words: Words) -> None:
    words.found = (Match("keyword", "tenant", ref=rich.catalog.default),)
    assert "holds    tenant                       1.0000  llama2-7b" in await shown(rich)
