"""The command line: tenants written, listed and removed, and errors in one line."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tenant_router.cli import main


@pytest.fixture(autouse=True)
def database(address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every command below works on this one, of either kind."""
    monkeypatch.setattr("os.environ", {"TENANT_DATABASE": address})
    return address


def listed(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    capsys.readouterr()
    assert main(["list"]) == 0
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


def test_seed_makes_numbered_tenants_and_keeps_those_who_are_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["seed", "--tenants", "3"]) == 0
    assert main(["add", "tenant-0002", "other"]) == 0
    assert main(["seed", "--tenants", "4"]) == 0
    assert "added 1 of 4" in capsys.readouterr().out
    assert [row[:3] for row in listed(capsys)] == [
        ["tenant-0001", "active", "tenant-0001-lora=1"],
        ["tenant-0002", "active", "other=1"],
        ["tenant-0003", "active", "tenant-0003-lora=1"],
        ["tenant-0004", "active", "tenant-0004-lora=1"],
    ]


def test_add_writes_a_trial_a_base_model_and_an_inactive_tenant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["seed", "--tenants", "0"])
    assert listed(capsys) == []
    assert main(["add", "acme", "old=80", "new=20", "--model", "llama2-7b", "--reasoning"]) == 0
    assert main(["add", "o'brien; --", "a=b=2", "--inactive"]) == 0
    assert listed(capsys) == [
        ["acme", "active", "new=20 old=80", "llama2-7b"],
        ["o'brien; --", "inactive", "a=b=2", ""],
    ]


def test_remove_forgets_a_tenant_and_tells_if_there_was_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["seed", "--tenants", "2"])
    assert main(["remove", "tenant-0001"]) == 0
    assert [row[0] for row in listed(capsys)] == ["tenant-0002"]
    assert main(["remove", "tenant-0001"]) == 1
    assert capsys.readouterr().err == "mcp-tenant-router: no such tenant\n"


def test_adapters_are_printed_as_the_configuration_lists_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["seed", "--tenants", "2"])
    main(["add", "acme", "tenant-0001-lora", 'say "hi"', "医疗"])
    capsys.readouterr()
    assert main(["adapters"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == [
        {"name": name} for name in ('say "hi"', "tenant-0001-lora", "tenant-0002-lora", "医疗")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "", "a"], "tenant: expected 1 to 200 printable characters"),
        (["add", "a\nb", "a"], "tenant: expected 1 to 200 printable characters"),
        (["add", "acme", "a" * 201], "adapter: expected 1 to 200 printable characters"),
        (["add", "acme", "=1"], "adapter: expected 1 to 200 printable characters"),
        (["add", "acme", "a=0"], "share: expected a number above 0, found '0'"),
        (["add", "acme", "a=nan"], "share: expected a number above 0, found 'nan'"),
        (["add", "acme", "a=lots"], "share: expected a number above 0, found 'lots'"),
        (["add", "acme", "a=1", "a=2"], "adapter: expected each one once"),
        (["add", "acme", "a", "--model", ""], "model: expected 1 to 200 printable characters"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_wrong_argument_is_an_error_and_changes_nothing(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    main(["seed", "--tenants", "0"])
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"mcp-tenant-router: {message}\n"
    assert listed(capsys) == []


@pytest.mark.parametrize("count", ["-1", "many", "1000001", "1.5"])
def test_a_number_of_tenants_that_is_none_is_refused(
    capsys: pytest.CaptureFixture[str], count: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["seed", f"--tenants={count}"])
    assert caught.value.code == 2
    assert f"expected 0 to 1000000, found '{count}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["adapters"], ["add", "a", "b"], ["remove", "a"], ["serve"]],
    ids=lambda arguments: arguments[0],
)
def test_every_command_without_tables_says_what_makes_them(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "seed" in error


def test_an_address_that_is_taken_is_an_error(
    capsys: pytest.CaptureFixture[str], sqlite_address: str
) -> None:
    main(["seed", "--database", sqlite_address, "--tenants", "0"])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        serve = ["serve", "--database", sqlite_address, "--transport", "http", "--port", port]
        assert main(serve) == 2
    error = capsys.readouterr().err
    assert f"mcp-tenant-router: cannot listen on 127.0.0.1:{port}: " in error


def test_the_folder_runs_as_it_lies(example: Path, sqlite_address: str) -> None:
    command = [sys.executable, str(example), "seed", "--tenants", "2"]
    result = subprocess.run(
        [*command, "--database", sqlite_address], capture_output=True, text=True, check=True
    )
    assert result.stdout == "added 2 of 2 tenants; the others were there\n"
