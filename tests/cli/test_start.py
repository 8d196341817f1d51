"""What verbs may load: start-up time is a promise, and a rollback must not need what a deploy needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

HEAVY = (
    "pydantic",
    "git",
    "python_terraform",
    "rich",
    "botocore",
    "yaml",
    "ministack",
    "pipeline.build",
    "pipeline.infra",
)
PROGRAM = """
import sys
from pipeline.cli import run
code = run(sys.argv[1:])
print(code, *[name for name in {names!r} if name in sys.modules])
"""


def loaded(tmp_path: Path, *arguments: str) -> tuple[str, set[str]]:
    """Exit code of a verb and which heavy modules it loaded, with no AWS to be found."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env |= {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true", "CRABWALK_LOCAL_DIR": str(tmp_path / "none")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM.format(names=HEAVY), *arguments],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    code, *names = done.stdout.splitlines()[-1].split()
    return code, set(names)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    text = "crabwalk: 1\nproject: p\nenvironments:\n  staging: {account: '111122223333', region: eu-west-1}\n"
    (tmp_path / "crabwalk.yaml").write_text(text)
    return tmp_path


def test_help_loads_nothing_heavy(project: Path) -> None:
    assert loaded(project, "--help") == ("0", set())


def test_rollback_loads_only_aws_and_the_project_file(project: Path) -> None:
    code, names = loaded(project, "rollback", "hello", "--env", "staging")
    assert code == "1", "no credentials"
    assert names == {"botocore", "yaml"}


def test_a_rollback_with_a_summary_is_as_light(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = project / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    code, names = loaded(project, "rollback", "hello", "--env", "staging")
    assert (code, names) == ("1", {"botocore", "yaml"})
    assert summary.read_text().startswith("## ❌ <code>crabwalk rollback</code> failed\n")


def test_rollback_by_function_needs_no_project_file(tmp_path: Path) -> None:
    code, names = loaded(tmp_path, "rollback", "hello", "--function", "p-staging-hello", "--region", "eu-west-1")
    assert code == "1", "no credentials"
    assert names == {"botocore"}


def helped(cwd: Path, stdout: IO[str] | int) -> subprocess.CompletedProcess[str]:
    """`--help`, which writes to `stdout`."""
    command = [sys.executable, "-P", "-m", "pipeline", "--help"]
    return subprocess.run(command, cwd=cwd, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)


def test_an_output_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = helped(tmp_path, full)
    assert (done.returncode, done.stderr) == (1, "crabwalk: the output cannot be written: No space left on device\n")


LEAVING = """
import atexit, threading
from pipeline import cli
cli.run = lambda _: 3
atexit.register(print, "at exit")
{work}
cli.main()
"""
WORKING = """
def work():
    threading.main_thread().join()
    print("worked on")
threading.Thread(target=work).start()
"""


@pytest.mark.parametrize(("work", "said"), [("", "at exit\n"), (WORKING, "worked on\nat exit\n")])
def test_the_end_leaves_nothing_undone(work: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", LEAVING.format(work=work)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, said, "")


def test_a_reader_that_went_away_is_no_traceback(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = helped(tmp_path, write)
    os.close(write)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
