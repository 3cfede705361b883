from __future__ import annotations

from pathlib import Path

from router.config import check


def test_a_sound_file_is_summed_up(workspace, sound):
    workspace.file.write_text(sound)
    report = check(Path("config.yaml"), environ={})
    assert report.lines == [
        "config.yaml: ok, 0 warnings (2 endpoints, 2 models, 3 adapters, 2 categories)"
    ]
    assert report.ok


def test_decisions_and_what_they_need_are_summed_up_where_there_are_any(workspace, sound):
    workspace.file.write_text(
        sound
        + """\
keyword_rules:
  - {category: law, keywords: [court]}
signals:
  context: [{name: long, min_tokens: 8K}]
decisions:
  - name: long
    rules: {type: context, name: long}
    modelRefs: [{model: other}]
routing_rules:
  - {match: {path: /x}, route: {backend: vllm-b}}
  - {fallback: {route: {backend: vllm-b}}}
"""
    )
    report = check(Path("config.yaml"), environ={})
    assert report.lines == [
        (
            "config.yaml: ok, 0 warnings (2 endpoints, 2 models, 3 adapters, 2 categories, "
            "1 decision, 2 signal rules, 2 routing rules)"
        )
    ]


def test_warnings_do_not_make_a_file_unsound(workspace, sound):
    workspace.file.write_text(f"tools: {{}}\n{sound}")
    report = check(Path("config.yaml"), environ={})
    assert report.lines == [
        "config.yaml:1:1: tools: warning: not served by this version and has no effect",
        "config.yaml: ok, 1 warning (2 endpoints, 2 models, 3 adapters, 2 categories)",
    ]
    assert report.ok


def test_errors_come_before_warnings_and_make_it_unsound(workspace, sound):
    workspace.file.write_text("tools: {}\n" + sound.replace("port: 8000", "port: 0"))
    report = check(Path("config.yaml"), environ={})
    assert report.lines == [
        "config.yaml:8:11: vllm_endpoints[0].port: found 0, expected at least 1",
        "config.yaml:1:1: tools: warning: not served by this version and has no effect",
        "config.yaml: 1 error, 1 warning",
    ]
    assert not report.ok


def test_a_missing_file_is_an_error_like_any_other(workspace):
    report = check(Path("nowhere.yaml"))
    assert report.lines == ["nowhere.yaml: no such file", "nowhere.yaml: 1 error, 0 warnings"]
    assert not report.ok
