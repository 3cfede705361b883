"""The house keeps its shape: layers, mirrored tests, public names, and files of a readable size."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path for path in (ROOT / "router").rglob("*.py") if not path.name.endswith("_pb2.py")
)
# What is proven through a higher door than a test of its own name, and where.
PROVEN_ELSEWHERE = {
    "router/__main__.py": "tests/test_cli.py",
    **{
        f"router/bench/{name}.py": "tests/bench/test_bench.py"
        for name in ("__main__", "figures", "ground", "noop")
    },
    "router/mutation.py": "tests/test_flow.py",
}


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_imports_point_down_and_pure_rooms_stay_pure() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_knows(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "a module opens with what it knows"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_function_is_longer_than_a_screen(path: Path) -> None:
    long = [f.name for f in functions(path) if (f.end_lineno or 0) - f.lineno > 50]
    assert not long


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_four_hundred_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def test_every_module_with_behaviour_has_its_tests_where_one_looks_for_them() -> None:
    missing = [
        name
        for path in SOURCES
        if functions(path) and not _mirror(name := str(path.relative_to(ROOT))).exists()
    ]
    assert not missing


def _mirror(name: str) -> Path:
    """`router/a/b.py` is tested in `tests/a/test_b.py`, a package in `tests/a/` or `test_a.py`."""
    if name in PROVEN_ELSEWHERE:
        return ROOT / PROVEN_ELSEWHERE[name]
    path = Path(name)
    folder = ROOT / "tests" / path.parent.relative_to("router")
    if path.name != "__init__.py":
        return folder / f"test_{path.stem}.py"
    return folder if folder != ROOT / "tests" else ROOT / "tests"


def test_the_top_level_envoy_folder_is_data_only() -> None:
    assert not list((ROOT / "envoy").rglob("*.py"))
