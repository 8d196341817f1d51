"""What the scan of the modules says of checkov's report, and when it is run again."""

from __future__ import annotations

from pathlib import Path

import pytest
import scan
from provision import checkov

FAILED = {
    "file_path": "/queue/main.tf",
    "file_line_range": [3, 9],
    "resource": "aws_sqs_queue.this",
    "check_name": "Ensure the queue is encrypted",
    "check_id": "CKV_AWS_27",
}


def report(**results: object) -> list[dict[str, object]]:
    return [{"results": results}]


def test_a_finding_is_one_line_with_its_place() -> None:
    assert scan.problems(report(failed_checks=[FAILED], parsing_errors=["/queue/bad.tf"]), []) == [
        "/queue/bad.tf: cannot be read as Terraform",
        "modules/queue/main.tf:3: aws_sqs_queue.this: Ensure the queue is encrypted [CKV_AWS_27]",
    ]


def test_a_waiver_says_why_and_waives_something() -> None:
    skipped = report(skipped_checks=[FAILED])
    reason = "what is in it is public anyway"
    assert scan.problems(skipped, [("modules/queue/main.tf", 4, "CKV_AWS_27", reason)]) == []
    assert scan.problems(skipped, [("modules/queue/main.tf", 4, "CKV_AWS_27", "no")]) == [
        "modules/queue/main.tf:4: the waiver of CKV_AWS_27 does not say why"
    ]
    for line, identifier in ((10, "CKV_AWS_27"), (4, "CKV_AWS_28")):
        assert scan.problems(skipped, [("modules/queue/main.tf", line, identifier, reason)]) == [
            f"modules/queue/main.tf:{line}: the waiver of {identifier} waives nothing"
        ]


def test_waivers_are_found_with_and_without_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "ROOT", tmp_path)
    file = tmp_path / "main.tf"
    file.write_text('resource "a" "b" {\n  # checkov:skip=CKV_AWS_1:because\n  # checkov:skip=CKV2_AWS_2\n}\n')
    assert scan.waivers([file]) == [("main.tf", 2, "CKV_AWS_1", "because"), ("main.tf", 3, "CKV2_AWS_2", "")]


def test_another_module_or_another_checkov_is_scanned_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "MODULES", tmp_path)
    (tmp_path / "queue").mkdir()
    file = tmp_path / "queue" / "main.tf"
    file.write_text("# one\n")
    first = scan.key(scan.sources(tmp_path), "checkov 1")
    assert first == scan.key(scan.sources(tmp_path), "checkov 1")
    assert first != scan.key(scan.sources(tmp_path), "checkov 2")
    file.write_text("# two\n")
    assert first != scan.key(scan.sources(tmp_path), "checkov 1")


def test_the_environment_of_checkov_is_named_by_its_lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lock = tmp_path / checkov.LOCK
    lock.write_text("checkov==1\n")
    first = checkov.directory(tmp_path)
    assert first.parent == tmp_path / "cache" / "crabwalk" / "checkov"
    assert not checkov.is_complete(tmp_path)
    lock.write_text("checkov==2\n")
    assert checkov.directory(tmp_path) != first


def test_a_whole_environment_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / checkov.LOCK).write_text("checkov==1\n")
    python = checkov.python_of(tmp_path)
    python.parent.mkdir(parents=True)
    python.touch()
    (checkov.directory(tmp_path) / checkov.COMPLETE).touch()
    monkeypatch.setattr(checkov, "install", lambda *_: pytest.fail("it is there"))
    assert checkov.provide(tmp_path) == checkov.directory(tmp_path) / checkov.COMPLETE
