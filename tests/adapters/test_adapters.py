"""The command from outside: servers that have adapters or not, text or JSON, an exit status."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.cli import main
from tests.adapters.conftest import Amend, Run
from tests.adapters.vllm import LOAD, MODELS, UNLOAD, Said, Vllm, in_json

A = "vllm-a"
B = "vllm-b"
DOCUMENT = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text()


async def test_a_line_for_each_name_says_whether_it_is_there(run: Run, a: Vllm) -> None:
    a.adapters = {"legal-lora": "/l", "old-lora": "/o"}
    status, out, err = await run()
    assert (status, err) == (1, "")
    assert out.splitlines() == [
        "endpoint  model         state    base",
        "vllm-a    llama         loaded",
        "vllm-a    legal-lora    loaded   llama",
        "vllm-a    medical-lora  missing  llama",
        "vllm-a    old-lora      unknown  llama",
        "vllm-b    llama         loaded",
        "vllm-b    legal-lora    loaded   llama",
        "vllm-b    medical-lora  loaded   llama",
        "vllm-b    qwen          loaded",
        "vllm-b    code-lora     loaded   qwen",
    ]


async def test_all_that_is_configured_is_there_and_that_is_a_good_end(run: Run, a: Vllm) -> None:
    a.adapters["experiment"] = "/e"
    status, out, _ = await run()
    assert status == 0
    assert "unknown" in out


async def test_an_adapter_on_an_endpoint_that_it_is_not_for_is_told_where_it_belongs(
    run: Run, a: Vllm
) -> None:
    a.adapters["code-lora"] = "/c"
    _, out, _ = await run()
    assert "vllm-a    code-lora     unknown  llama (configured for vllm-b)" in out.splitlines()


async def test_json_has_the_same_for_programs(run: Run, a: Vllm, b: Vllm) -> None:
    a.adapters = {"legal-lora": "/l", "code-lora": "/c"}
    b.says[MODELS] = Said(500)
    status, out, _ = await run("--json")
    found = json.loads(out)
    version = found.pop("config_version")
    assert status == 1
    assert len(version) == 12
    legal, medical = ({"name": f"{name}-lora", "base": "llama"} for name in ("legal", "medical"))
    llama, qwen = ({"name": name, "base": None} for name in ("llama", "qwen"))
    assert found == {
        "complete": False,
        "endpoints": [
            {
                "name": A,
                "address": f"127.0.0.1:{a.port}",
                "error": None,
                "configured": [llama, legal, medical],
                "loaded": [llama, legal],
                "missing": [medical],
                "unknown": [{"name": "code-lora", "parent": "llama", "configured_for": [B]}],
            },
            {
                "name": B,
                "address": f"127.0.0.1:{b.port}",
                "error": "status 500",
                "configured": [llama, legal, medical, qwen, {"name": "code-lora", "base": "qwen"}],
                "loaded": None,
                "missing": None,
                "unknown": None,
            },
        ],
    }


def keys(value: object, path: str = "") -> Iterator[str]:
    """The paths of all that holds no more keys."""
    inner = value if isinstance(value, list) else []
    for entry in inner:
        yield from keys(entry, f"{path}[]")
    for key, part in value.items() if isinstance(value, dict) else ():
        yield from keys(part, f"{path}.{key}".lstrip("."))
    if not isinstance(value, dict | list):
        yield path


async def test_every_key_of_json_is_documented_and_no_other(run: Run, a: Vllm) -> None:
    a.adapters = {"legal-lora": "/l", "code-lora": "/c"}
    listing = json.loads((await run("--json"))[1])
    listing["endpoints"][0]["unknown"][0]["configured_for"] = None  # a list of names, no more keys
    change = json.loads((await run("unload", "legal-lora", "--json"))[1])
    account = DOCUMENT[DOCUMENT.index("## The account") :]
    rows = re.findall(r"^\| (`.*?`) \|", account, re.MULTILINE)
    documented = {key for row in rows for key in re.findall(r"`(.*?)`", row)}
    assert documented == {*keys(listing), *keys(change)}


async def test_an_endpoint_that_is_down_hides_no_other(run: Run, amend: Amend, a: Vllm) -> None:
    amend(f"port: {a.port}", "port: 1")
    status, out, _ = await run()
    assert status == 1
    assert "vllm-a    not reachable: connection refused" in out.splitlines()
    assert "vllm-b    code-lora     loaded  qwen" in out.splitlines()


async def test_all_endpoints_are_asked_at_once(run: Run, a: Vllm, b: Vllm) -> None:
    a.gate.clear()
    b.gate.clear()
    running = asyncio.create_task(run("--timeout", "20"))
    await asyncio.gather(a.arrived(), b.arrived())
    a.gate.set()
    b.gate.set()
    assert (await running)[0] == 0


async def test_an_endpoint_that_keeps_silent_is_not_waited_for(run: Run, a: Vllm) -> None:
    a.gate.clear()
    status, out, _ = await run("--timeout", "0.2")
    assert status == 1
    assert "vllm-a    not reachable: no answer within 0.2 s" in out.splitlines()


async def test_credentials_are_sent_and_never_shown(run: Run, a: Vllm) -> None:
    a.says[MODELS] = Said(401, in_json({"error": "the key Bearer s3cret-key is out of date"}))
    _, out, err = await run()
    assert a.seen["authorization"] == "Bearer s3cret-key"
    expected = "status 401: the key [hidden] is out of date; credentials go under live_view.headers"
    assert expected in out
    a.says[MODELS] = Said(403, b"no such key: s3cret-key")
    _, more, more_err = await run("--json")
    assert "s3cret" not in out + err + more + more_err


async def test_the_models_that_classify_need_not_be_here(run: Run, amend: Amend) -> None:
    amend("", "classifier: {category_model: {model_id: /no/such/model, threshold: 0.6}}\n")
    assert (await run())[0] == 0


async def test_a_bad_configuration_ends_with_2_before_anybody_is_asked(
    run: Run, amend: Amend, a: Vllm
) -> None:
    amend("default_model: llama", "default_model: lama")
    for action in ([], ["load", "legal-lora", "/l"], ["unload", "legal-lora"]):
        status, out, err = await run(*action)
        assert (status, out) == (2, "")
        assert "did you mean 'llama'" in err
    assert a.asked == []


async def test_an_adapter_is_loaded_on_every_endpoint_of_its_base_model(
    run: Run, a: Vllm, b: Vllm
) -> None:
    for server in (a, b):
        server.adapters.clear()
    status, out, err = await run("load", "legal-lora", "/adapters/legal")
    assert (status, out, err) == (0, "vllm-a  loaded\nvllm-b  loaded\n", "")
    assert a.asked == [
        (LOAD, {"lora_name": "legal-lora", "lora_path": "/adapters/legal"}),
        (MODELS, None),
    ]
    assert b.adapters == {"legal-lora": "/adapters/legal"}
    assert a.seen["authorization"] == "Bearer s3cret-key"


async def test_only_the_endpoints_of_the_base_model_are_told(run: Run, a: Vllm, b: Vllm) -> None:
    del b.adapters["code-lora"]
    assert (await run("load", "code-lora", "/c"))[:2] == (0, "vllm-b  loaded\n")
    assert a.asked == []


async def test_loading_what_is_there_already_is_no_failure(run: Run, a: Vllm) -> None:
    del a.adapters["legal-lora"]
    status, out, _ = await run("load", "legal-lora", "/l")
    assert (status, out) == (0, "vllm-a  loaded\nvllm-b  already loaded\n")


async def test_one_endpoint_that_fails_is_told_and_hides_no_other(
    run: Run, a: Vllm, b: Vllm
) -> None:
    a.adapters.clear()
    b.open = False
    del b.adapters["legal-lora"]
    status, out, _ = await run("load", "legal-lora", "/l", "--json")
    found = json.loads(out)
    assert status == 1
    assert (found["adapter"], found["done"]) == ("legal-lora", False)
    assert len(found["config_version"]) == 12
    assert found["endpoints"] == [
        {"name": A, "address": f"127.0.0.1:{a.port}", "outcome": "loaded", "error": None},
        {
            "name": B,
            "address": f"127.0.0.1:{b.port}",
            "outcome": "failed",
            "error": "status 404; adapters cannot be changed while it runs; start vLLM with "
            "--enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True",
        },
    ]


async def test_an_adapter_is_unloaded_and_that_again_is_no_failure(
    run: Run, a: Vllm, b: Vllm
) -> None:
    assert (await run("unload", "legal-lora"))[:2] == (0, "vllm-a  unloaded\nvllm-b  unloaded\n")
    assert a.asked == [(UNLOAD, {"lora_name": "legal-lora"}), (MODELS, None)]
    assert "legal-lora" not in a.adapters | b.adapters
    again = (0, "vllm-a  not loaded\nvllm-b  not loaded\n")
    assert (await run("unload", "legal-lora"))[:2] == again


async def test_an_adapter_may_be_given_to_one_endpoint_alone(run: Run, a: Vllm, b: Vllm) -> None:
    a.adapters.clear()
    assert (await run("load", "legal-lora", "/l", "--endpoint", A))[:2] == (0, "vllm-a  loaded\n")
    assert b.asked == []


async def test_an_adapter_that_the_file_has_not_needs_a_base_model_or_an_endpoint(
    run: Run, a: Vllm, b: Vllm
) -> None:
    status, out, err = await run("load", "legal-lorra", "/l")
    assert (status, out) == (2, "")
    assert err == (
        "lora-router adapters: adapter 'legal-lorra' is not in the configuration; did you mean "
        "'legal-lora'?\n"
    )
    assert a.asked == []
    assert (await run("load", "new-lora", "/n", "--base", "qwen"))[:2] == (0, "vllm-b  loaded\n")
    assert (await run("load", "newer", "/n", "--endpoint", A))[:2] == (0, "vllm-a  loaded\n")
    assert (a.adapters["newer"], b.adapters["new-lora"]) == ("/n", "/n")


@pytest.mark.parametrize("before", [True, False])
async def test_options_count_before_an_action_and_after_it(
    run: Run, a: Vllm, b: Vllm, before: bool
) -> None:
    options, action = ("--json", "--timeout", "7"), ("unload", "code-lora")
    status, out, _ = await run(*(options + action if before else action + options))
    assert status == 0
    assert json.loads(out)["endpoints"][0]["outcome"] == "unloaded"


async def test_the_configuration_may_be_named_before_the_action(
    config: Path, a: Vllm, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = config.with_name("broken.yaml")
    broken.write_text("nonsense: 1\n")
    assert main(["adapters", "-c", str(broken), "unload", "legal-lora"]) == 2
    assert str(broken) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["load", "le\x1bgal", "/l"], "expected printable characters"),
        (["load", " ", "/l"], "expected a name that is not blank"),
        (["unload", "x" * 300], "expected at most 256"),
        (["load", "legal-lora", ""], "expected a path in printable characters"),
        (["load", "legal-lora", "/l\n/m"], "expected a path in printable characters"),
        (["load", "legal-lora", "/" + "l" * 5000], "expected a path in printable characters"),
        (["load", "legal-lora"], "PATH"),
        (["--timeout", "0"], "expected seconds"),
        (["--timeout", "nan"], "expected seconds"),
        (["--timeout", "soon"], "expected seconds"),
        (["lod", "x", "/x"], "invalid choice: 'lod'"),
    ],
)
async def test_a_command_line_that_makes_no_sense_ends_with_2(
    run: Run, a: Vllm, arguments: list[str], complaint: str
) -> None:
    status, out, err = await run(*arguments)
    assert (status, out) == (2, "")
    assert complaint in err
    assert "\x1b" not in err
    assert a.asked == []
