"""Every configuration in `config/` does what it is there for: explained, and on real Envoy."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from router.cli import _parser, main
from router.config import Config, check, load
from tests.e2e.conftest import ROOT, request_id
from tests.e2e.examples import (
    BLOOD,
    EXAMPLES,
    FOLDER,
    Case,
    Environment,
    Served,
    patient_copy,
    served,
    user,
)

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))
CASES = [
    pytest.param(name, case, id=f"{name}-{case.label}")
    for name, example in EXAMPLES.items()
    for case in example.cases
]


@pytest.fixture(autouse=True, scope="module")
def _from_the_root() -> Any:
    """Models are named by their place in the repository."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def example(
    request: pytest.FixtureRequest,
    session: aiohttp.ClientSession,
    tmp_path_factory: pytest.TempPathFactory,
    _from_the_root: None,
) -> AsyncIterator[Served]:
    """The example that a test names, running; started once for all tests that name it."""
    directory = tmp_path_factory.mktemp("example")
    async with served(request.param, directory, session) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def environment(name: str, tmp_path: Path) -> AsyncIterator[Environment]:
    """What the example of that name needs beside it."""
    async with EXAMPLES[name].beside(tmp_path) as environment:
        yield environment


@pytest.mark.parametrize("name", FILES)
async def test_every_configuration_has_an_example_with_cases_enough(name: str) -> None:
    assert len(EXAMPLES[name].cases) >= 3


@pytest.mark.parametrize("name", FILES)
async def test_every_decision_and_category_and_rule_is_shown(name: str) -> None:
    config = load(FOLDER / name).config
    shown = {case.decision for case in EXAMPLES[name].cases}
    assert {decision.name for decision in config.decisions} <= shown
    assert {category.name for category in config.categories} <= shown
    asked = {case.more.get("model", "MoM") for case in EXAMPLES[name].cases}
    assert {m for rule in config.routing_rules if rule.match for m in rule.match.model} - asked == (
        {"gpt-4o-*"} if config.routing_rules else set()
    )


@pytest.mark.parametrize("name", FILES)
async def test_check_finds_nothing_that_is_not_known(name: str) -> None:
    report = check(FOLDER / name)
    assert report.ok
    assert len(report.lines) == 1 + EXAMPLES[name].warnings


@pytest.mark.parametrize("name", FILES)
async def test_explain_tells_where_each_case_goes(
    name: str,
    environment: Environment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    cases = EXAMPLES[name].cases
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(json.dumps({"body": c.body, "headers": dict(c.headers)}) + "\n" for c in cases)
    )
    config = str(patient_copy(name, tmp_path))
    command = ("explain", "-c", config, "--file", str(rows), "--json")
    assert await asyncio.to_thread(main, command) == 0
    accounts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [(a["model"], a["decision"], a["error"]) for a in accounts]
    assert told == [(case.model, case.decision, None) for case in cases]
    for account, case in zip(accounts, cases, strict=True):
        assert account["endpoint"] == endpoint_of(case, load(FOLDER / name).config)


def endpoint_of(case: Case, config: Config) -> str:
    return case.endpoint or config.vllm_endpoints[0].name


@pytest.mark.parametrize(("example", "case"), CASES, indirect=["example"], scope="module")
async def test_a_request_through_envoy_reaches_its_adapter(example: Served, case: Case) -> None:
    reply, endpoint, received = await example.ask(case)
    assert reply.status == 200
    assert received.json["model"] == case.model
    assert endpoint == endpoint_of(case, example.config)
    assert reply.chosen.get("selected-decision") == case.decision
    assert reply.chosen["selected-model"] == case.model
    if case.prompt:
        assert received.system_prompt == case.prompt
    assert {name: received.header(name) for name in case.arriving} == case.arriving


@pytest.mark.parametrize("example", ["ab-test.yaml"], indirect=True, scope="module")
async def test_one_user_in_ten_gets_the_adapter_on_trial_and_keeps_it(example: Served) -> None:
    async def adapter(number: int) -> Any:
        case = Case(BLOOD, "", headers=user(f"user-{number}"))
        return (await example.ask(case))[2].json["model"]

    first = [await adapter(number) for number in range(200)]
    assert [await adapter(number) for number in range(200)] == first
    shares = Counter(first)
    assert shares.keys() == {"medical-lora-v1", "medical-lora-v2"}
    # Three standard deviations of a binomial share: 20 plus or minus 12.7 of 200.
    assert 8 <= shares["medical-lora-v2"] <= 32


@pytest.mark.parametrize("example", ["keyword-compliance.yaml"], indirect=True, scope="module")
async def test_an_auditor_proves_a_decision_from_the_log_alone(example: Served) -> None:
    text = "Quokka breeders ask: does US law or 美国法 apply to our contract?"
    marked = request_id()
    _, _, received = await example.ask(Case(text, ""), **marked)
    assert received.json["model"] == "us-law-lora"
    line = await example.logged(marked["x-request-id"])
    assert line["reason_code"] == "auto_routing"
    assert (line["category"], line["decision"]) == ("us-law", "us-law")
    assert (line["adapter"], line["selected_endpoint"]) == ("us-law-lora", "vllm-legal")
    assert line["config_version"] == load(example.file).version
    assert {signal["name"] for signal in line["signals"]} == {"us-law", "contract"}
    for keyword in keywords(line):
        assert text[keyword["start"] : keyword["end"]] == keyword["keyword"]
    assert {k["keyword"] for k in keywords(line)} == {"US law", "美国法", "contract"}
    assert "uokka" not in example.router.process.output()
    assert "apply" not in json.dumps(line)


def keywords(line: dict[str, Any]) -> list[dict[str, Any]]:
    """Every keyword that a line of log names, of all rules that held."""
    details = [signal["detail"] for signal in line["signals"]]
    every = [*details, *(other for detail in details for other in detail.get("others", ()))]
    return [keyword for detail in every for keyword in detail["keywords"]]


COMMANDS = [
    pytest.param(shlex.split(found[0]), found[1] or None, id=f"{path.name}-{number}")
    for path in (ROOT / "docs" / "recipes.md", *sorted(FOLDER.glob("*.yaml")))
    for number, found in enumerate(
        re.findall(
            r'^(?:# +)?lora-router (explain -c \S+ .*".*")(?: +# (\S+))?$',
            path.read_text(),
            re.MULTILINE,
        )
    )
]


@pytest.mark.parametrize(("words", "model"), COMMANDS)
async def test_a_command_that_is_printed_is_one_of_the_cases(
    words: list[str], model: str | None
) -> None:
    options = _parser().parse_args(words)
    headers = dict(pair.split("=") for pair in options.header)
    more = {"model": options.model} if options.model else {}
    found = [
        case
        for case in EXAMPLES[options.config.name].cases
        if (case.text, case.headers, case.more) == (options.text, headers, more)
    ]
    assert [case.model for case in found] == [model or found[0].model]


@pytest.mark.parametrize("name", FILES)
async def test_every_configuration_is_tried_in_the_recipes(name: str) -> None:
    assert f"lora-router explain -c config/{name} " in (ROOT / "docs/recipes.md").read_text()
