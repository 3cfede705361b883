from __future__ import annotations

from router.config.parse import parse
from router.config.report import Report


def test_findings_come_out_in_file_order_and_once():
    report = Report("f", parse("a: 1\nb: 2\n", {}))
    for path in (("b",), ("a",), ("b",)):
        report.error(path, "bad")
        report.warn(path, "odd")
    assert report.error_lines() == ["f:1:4: a: bad", "f:2:4: b: bad"]
    assert report.warning_lines("warning") == ["f:1:4: a: warning: odd", "f:2:4: b: warning: odd"]


def test_a_finding_about_a_key_is_at_the_key():
    report = Report("f", parse("a: 1", {}))
    report.error(("a",), "bad", key=True)
    assert report.error_lines() == ["f:1:1: a: bad"]


def test_a_finding_names_the_place_in_the_file_whatever_was_taken_out_before_it():
    report = Report("f", parse("a:\n  - 1\n  - ${NOPE}\n  - 3\n", {}))
    report.document.drop(("a", 0))
    report.error(("a", 0), "could not be read, as was said before")
    report.error(("a", 1), "bad")
    assert report.error_lines() == ["f:4:5: a[2]: bad"]


def test_a_value_that_could_not_be_read_is_not_complained_of_again():
    report = Report("f", parse("a: ${NOPE}", {}))
    report.error(("a",), "found nothing")
    report.error(("a",), "unknown key", key=True)
    assert report.error_lines() == ["f:1:1: a: unknown key"]
