"""Vectors on disk: what was written is read, and nothing else is ever believed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.encoder import vector_file
from router.encoder.vector_file import VectorFile, cache_directory, text_key

Entries = dict[bytes, np.ndarray]


def entries(*texts: str, width: int = 3) -> Entries:
    return {
        text_key(text): np.arange(width, dtype=np.float32) + index
        for index, text in enumerate(texts)
    }


def same(found: Entries, expected: Entries) -> bool:
    return list(found) == list(expected) and all(
        np.array_equal(found[key], expected[key]) for key in expected
    )


def only(directory: Path) -> Path:
    (path,) = directory.iterdir()
    return path


@given(texts=st.lists(st.text(), min_size=1, max_size=8, unique=True), width=st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_what_was_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], width: int
) -> None:
    directory = tmp_path_factory.mktemp("cache")
    written = entries(*texts, width=width)
    VectorFile(directory, "model").write(written, {})
    assert same(VectorFile(directory, "model").read(), written)


def test_a_model_has_a_file_of_its_own(tmp_path: Path) -> None:
    VectorFile(tmp_path, "one").write(entries("a"), {})
    assert VectorFile(tmp_path, "two").read() == {}
    only(tmp_path).rename(VectorFile(tmp_path, "two")._path)
    assert VectorFile(tmp_path, "two").read() == {}


@pytest.mark.parametrize("kept", [0, 1, 30, 88, 103])
def test_a_truncated_file_says_nothing(tmp_path: Path, kept: int) -> None:
    file = VectorFile(tmp_path, "model")
    file.write(entries("a", "b"), {})
    content = only(tmp_path).read_bytes()
    assert len(content) > kept
    only(tmp_path).write_bytes(content[:kept])
    assert file.read() == {}


def test_a_single_wrong_bit_anywhere_spoils_the_file(tmp_path: Path) -> None:
    file = VectorFile(tmp_path, "model")
    file.write(entries("a", "b"), {})
    content = bytearray(only(tmp_path).read_bytes())
    for index in range(len(content)):
        content[index] ^= 1
        only(tmp_path).write_bytes(content)
        assert file.read() == {}
        content[index] ^= 1
    only(tmp_path).write_bytes(content)
    assert len(file.read()) == 2


def test_a_huge_or_unreadable_file_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = VectorFile(tmp_path, "model")
    assert file.read() == {}
    file.write(entries("a"), {})
    monkeypatch.setattr(vector_file, "MAX_FILE_BYTES", 10)
    assert file.read() == {}
    only(tmp_path).unlink()
    file._path.mkdir()
    monkeypatch.undo()
    assert file.read() == {}


def test_a_directory_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    VectorFile(tmp_path / "file" / "deeper", "model").write(entries("a"), {})
    VectorFile(tmp_path / "file", "model").write(entries("a"), {})


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = VectorFile(tmp_path, "model")
    file.write(entries("a"), {})

    def refuse(self: Path, target: Path) -> Path:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    file.write(entries("b"), {})
    assert same(file.read(), entries("a"))
    assert only(tmp_path)


def test_earlier_vectors_stay_up_to_a_limit_and_wanted_ones_always(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_file, "MAX_REMEMBERED", 2)
    file = VectorFile(tmp_path, "model")
    older = entries("first", "second", "third", "wanted")
    wanted = {text_key("wanted"): older[text_key("wanted")], **entries("x", "y", "z")}
    file.write(wanted, older)
    assert list(file.read()) == [text_key("second"), text_key("third"), *wanted]


def test_the_file_is_the_users_alone_and_holds_no_text(tmp_path: Path) -> None:
    directory = tmp_path / "cache"
    VectorFile(directory, "model").write(entries("a secret phrase"), {})
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(only(directory).stat().st_mode) == 0o600
    assert b"secret" not in only(directory).read_bytes()


def test_half_a_surrogate_pair_has_a_key() -> None:
    assert text_key("\ud83d") != text_key("?")


def test_the_directory_is_where_xdg_says(tmp_path: Path) -> None:
    assert cache_directory({"XDG_CACHE_HOME": str(tmp_path)}) == (
        tmp_path / "lora-router" / "embeddings"
    )
    home = Path.home() / ".cache" / "lora-router" / "embeddings"
    assert cache_directory({}) == cache_directory({"XDG_CACHE_HOME": "relative"}) == home


def test_a_user_without_a_home_has_no_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("could not determine home directory")

    monkeypatch.setattr(Path, "home", homeless)
    assert cache_directory({}) is None


def test_the_environment_is_read_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "lora-router" / "embeddings"
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path)
