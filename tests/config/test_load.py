from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from router.config import ConfigError, load

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "config").glob("*.yaml"))
MAIN = [ROOT / "config" / name for name in ("config.yaml", "config.zh.yaml")]


def test_a_sound_file_is_loaded_with_everything_that_was_found(workspace, sound):
    workspace.file.write_text(sound)
    loaded = load(Path("config.yaml"), environ={})
    assert loaded.config.default_model == "base"
    assert loaded.warnings == []
    assert loaded.version == hashlib.sha256(sound.encode()).hexdigest()[:12]
    assert loaded.classifier is not None
    assert loaded.classifier.directory.resolve() == workspace.model
    assert loaded.classifier.mapping is None
    assert loaded.classifier.vocabulary.labels[0] == "computer science"


def test_every_problem_is_in_the_error(workspace, sound):
    workspace.file.write_text(sound.replace("port: 8000", "port: 0").replace("[vllm-a]", "[x]"))
    with pytest.raises(ConfigError) as caught:
        load(Path("config.yaml"), environ={})
    assert caught.value.problems == [
        "config.yaml:7:11: vllm_endpoints[0].port: found 0, expected at least 1",
        (
            "config.yaml:13:27: model_config.base.preferred_endpoints[0]: endpoint 'x' is not "
            "defined under vllm_endpoints; known are 'vllm-a', 'vllm-b'"
        ),
    ]


def test_an_error_in_how_things_fit_together_is_enough_to_refuse_a_file(workspace, sound):
    workspace.file.write_text(sound.replace("[vllm-a]", "[vlm-a]"))
    with pytest.raises(ConfigError, match="did you mean 'vllm-a'"):
        load(Path("config.yaml"), environ={})


def test_the_environment_is_the_process_own_unless_given(workspace, sound, monkeypatch):
    workspace.file.write_text(sound.replace("address: vllm.internal", "address: ${VLLM_HOST}"))
    monkeypatch.setenv("VLLM_HOST", "gpu-1")
    assert load(workspace.file).config.vllm_endpoints[1].address == "gpu-1"


def test_warnings_come_with_the_configuration(workspace, sound):
    workspace.file.write_text(f"tools: {{}}\n{sound}")
    assert load(Path("config.yaml"), environ={}).warnings == [
        "config.yaml:1:1: tools: not served by this version and has no effect"
    ]


def test_without_files_there_is_no_classifier(workspace, sound):
    workspace.file.write_text(sound)
    assert load(workspace.file, check_files=False).classifier is None


def test_a_byte_order_mark_is_no_part_of_the_first_key(workspace, sound):
    assert workspace.check(b"\xef\xbb\xbf" + sound.encode()) == []


UNREADABLE = {
    "bytes that are not utf-8": (
        "a: 法\nb: ä".encode() + b"\xff",
        "config.yaml:2:5: found the byte 0xff, expected a file in utf-8",
    ),
    "utf-16": (
        "a: 1".encode("utf-16"),
        "config.yaml:1:1: found the byte 0xff, expected a file in utf-8",
    ),
    "nothing": (b"", "config.yaml:1:1: the file is empty; expected a configuration"),
}


@pytest.mark.parametrize(("content", "line"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_text_is_one_line(workspace, content, line):
    assert workspace.check(content) == [line]


def test_a_missing_file_is_one_line(workspace):
    with pytest.raises(ConfigError, match=r"^nowhere.yaml: no such file$"):
        load(Path("nowhere.yaml"))


def test_a_directory_is_one_line(workspace):
    with pytest.raises(ConfigError, match=r"^models: cannot be read: is a directory$"):
        load(Path("models"))


def test_a_path_that_cannot_be_one_is_one_line(workspace):
    with pytest.raises(ConfigError, match=r"cannot be read: embedded null byte$"):
        load(Path("a\0b"))


def test_a_huge_file_is_refused_unread(workspace):
    with workspace.file.open("wb") as file:
        os.truncate(file.fileno(), 17 * 1024 * 1024)
    with pytest.raises(ConfigError, match=r"^config.yaml: larger than 16777216 bytes$"):
        load(Path("config.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_shipped_files_load_from_anywhere_with_the_llama2_warning_at_most(path, workspace):
    loaded = load(path, environ={})
    assert all("reasoning family 'llama2' is not defined" in text for text in loaded.warnings)
    if loaded.config.classifier.category_model is not None:
        assert loaded.classifier is not None
        assert loaded.classifier.directory.resolve() == ROOT / "models" / "mom-domain-classifier"


@pytest.mark.parametrize("path", MAIN, ids=lambda path: path.name)
def test_the_first_files_are_warned_of_the_family_that_their_origin_names(path, workspace):
    [warning] = load(path, environ={}).warnings
    assert "reasoning family 'llama2' is not defined" in warning


def test_the_english_and_the_chinese_file_differ_in_their_texts_alone():
    english, chinese = (load(path, environ={}).config for path in MAIN)
    texts = {"description", "system_prompt"}
    loras = {"llama2-7b": {"loras": {"__all__": texts}}}
    without = {"categories": {"__all__": texts}, "models": loras}
    assert english.model_dump(exclude=without) == chinese.model_dump(exclude=without)
    assert english.categories[1].system_prompt == "You are a medical expert."
    assert chinese.categories[1].system_prompt == "你是一位医学专家。"
