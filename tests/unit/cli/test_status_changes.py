"""`switchyard status --watch` without a terminal: a line, or a document, for each change."""

import json
import os
import sys
from dataclasses import replace

import pytest

from switchyard.cli.status_changes import Documents, Lines
from switchyard.cli.status_json import document
from switchyard.config.models.service import Track
from switchyard.config.models.service_name import ServiceName
from tests.support.status_readings import AWAY, PROBLEM, RELEASING, displayed, look, status


def test_a_line_for_each_change_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for shown in (
        look(0, status(green=1)),
        look(1, status(green=1)),
        look(2, status(), replace(status(), name=ServiceName("web", "web"))),
        look(3, status(), error=AWAY),
        look(4, status(), error=AWAY),
        look(5, status(Track.GREEN, release=RELEASING)),
    ):
        lines.show(shown)
    printed = capsys.readouterr().out.splitlines()
    assert [line[:20] for line in printed] == [f"2030-01-31T12:00:0{second}Z" for second in (0, 2, 2, 3, 5, 5)]
    assert printed[0].endswith("backend: blue serves; blue v1  3/3 ready, green v2  1/3 ready".replace("  ", " "))
    assert "web: blue serves" in printed[2]
    assert "cannot be seen: The cluster does not answer: no answer from" in printed[3]
    assert printed[4].endswith("can be seen again")
    assert "green serves (blue is configured)" in printed[5]
    assert "deploy blue -> green (v2.0.0) runs, in phase watch" in printed[5]
    assert "its command is running (process 4711 on laptop, detached). After this phase: bake." in printed[5]


def test_a_document_a_line_for_each_change_in_the_form_of_status(capsys: pytest.CaptureFixture[str]) -> None:
    documents = Documents("test")
    service = status(Track.GREEN, release=RELEASING)
    for shown in (look(0, status()), look(1, status()), look(2, service), look(3, error=AWAY), look(4, service)):
        documents.show(shown)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["at"][-3:-1] for entry in printed] == ["00", "02", "03", "04"]
    assert all((entry["version"], entry["stack"]) == (1, "test") for entry in printed)
    assert printed[1] == {"at": "2030-01-31T12:00:02Z", **document("test", [service])}
    release = printed[1]["services"][0]["release"]
    assert (release["phase"], release["next"], release["holder"]["detached"]) == ("watch", "bake", True)
    assert (printed[2]["code"], printed[2]["exitCode"]) == (AWAY.code, 1)


def test_errors_in_the_settings_of_a_service_are_shown_as_by_status(capsys: pytest.CaptureFixture[str]) -> None:
    readings = [look(0, status(), problems=(PROBLEM,)), look(1, status(), problems=(PROBLEM,)), look(2, status())]
    documents, lines = Documents("test"), Lines()
    for shown in readings:
        documents.show(shown)
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"at": "2030-01-31T12:00:00Z", **document("test", [status()], ignored=[PROBLEM])}
    assert (first["asConfigured"], second["asConfigured"]) == (False, True)
    for shown in readings:
        lines.show(shown)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"2030-01-31T12:00:00Z {PROBLEM} ({PROBLEM.code})"
    assert printed[1].startswith("2030-01-31T12:00:00Z backend: ")
    assert printed[2:] == ["2030-01-31T12:00:02Z the errors in the settings of services are corrected"]
    assert f"{PROBLEM} ({PROBLEM.code})" in displayed(readings[0])


@pytest.mark.parametrize("shown", [Lines(), Documents("test")])
def test_it_ends_with_its_reader_before_the_next_change(
    monkeypatch: pytest.MonkeyPatch, shown: Lines | Documents
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        shown.show(look(0, status()))
        shown.show(look(1, status()))
        os.close(reading)
        with pytest.raises(BrokenPipeError):
            shown.show(look(2, status()))
