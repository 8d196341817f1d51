from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_terraform import FakeTerraform as Fake

from pipeline.errors import TerraformError
from pipeline.infra import locks
from pipeline.infra.process import interrupt_all, interruptible, stop
from pipeline.infra.terraform import Stack, Terraform


def driver(fake: Fake, directory: Path, said: list[str] | None = None, **environment: str) -> Terraform:
    return Terraform(directory, fake.environment | environment, (said if said is not None else []).append)


def test_lines_are_said_as_they_come_and_returned(terraform: Fake, tmp_path: Path) -> None:
    hook = {"resource": {"addr": "module.a.aws_iam_role.this"}, "action": "create", "elapsed_seconds": 1}
    terraform.tell("apply", "plain text", {"type": "apply_complete", "hook": hook}, {"type": "of_tomorrow"})
    said: list[str] = []
    code, messages = driver(terraform, tmp_path, said).run("apply", "-input=false", "plan.tfplan")
    assert said == ["a.aws_iam_role.this created (1 s)"]
    assert (code, [m.get("type") for m in messages]) == (0, [None, "apply_complete", "of_tomorrow"])
    (call,) = terraform.calls
    assert call["arguments"] == ["apply", "-json", "-input=false", "plan.tfplan"]
    assert call["cwd"] == str(tmp_path)
    assert call["group"] == call["pid"], "^C in a terminal must not reach the plugins"


def test_the_process_sees_the_given_environment_and_nothing_that_changes_its_course(
    terraform: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    terraform.tell("plan")
    driver(
        terraform, tmp_path, AWS_REGION="eu-west-1", TF_CLI_ARGS="-destroy", TF_VAR_artifacts="{}", TF_WORKSPACE="x"
    ).run("plan")
    seen = terraform.calls[0]["environment"]
    assert seen["AWS_REGION"] == "eu-west-1"
    assert not {"AWS_PROFILE", "TF_CLI_ARGS", "TF_VAR_artifacts", "TF_WORKSPACE"} & set(seen)


def test_an_exit_code_that_is_not_accepted_is_an_error(terraform: Fake, tmp_path: Path) -> None:
    terraform.tell("plan", code=2)
    assert driver(terraform, tmp_path).run("plan", accept=(0, 2))[0] == 2
    with pytest.raises(TerraformError, match="ended with 2"):
        driver(terraform, tmp_path).run("plan")


def test_bytes_that_are_no_text_do_not_end_the_run(terraform: Fake, tmp_path: Path) -> None:
    terraform.tell("plan", raw="\xff\xfe broken\n")
    _, messages = driver(terraform, tmp_path).run("plan")
    assert messages == [{"@message": "\\xff\\xfe broken"}]


def test_more_on_stderr_than_a_pipe_holds_does_not_block(terraform: Fake, tmp_path: Path) -> None:
    terraform.tell("plan", stderr="x" * 1000 + "\n", times=1000)
    assert driver(terraform, tmp_path).run("plan")[0] == 0


def test_no_credential_is_shown(terraform: Fake, tmp_path: Path) -> None:
    secret = "wJalrXUtnFEMIK7MDENG"
    terraform.tell("plan", f"request signed with {secret}", stderr=f"{secret}\n", code=1)
    with pytest.raises(TerraformError) as caught:
        driver(terraform, tmp_path, AWS_SECRET_ACCESS_KEY=secret).run("plan")
    assert secret not in caught.value.what
    assert "***" in caught.value.what


def test_a_document_is_parsed(terraform: Fake, tmp_path: Path) -> None:
    terraform.tell("output", "{", '"a": {"value": 1}', "}")
    assert driver(terraform, tmp_path).document("output") == {"a": {"value": 1}}


@pytest.mark.parametrize(("version", "old"), [("1.9.8", True), ("1.10.0", False), ("2.0.0-rc1", False)])
def test_a_terraform_without_lock_file_is_refused(terraform: Fake, tmp_path: Path, version: str, old: bool) -> None:
    terraform.tell("version", {"terraform_version": version})
    if old:
        with pytest.raises(TerraformError, match=r"Terraform 1\.9\.8 is too old.*1\.10 or newer"):
            driver(terraform, tmp_path).check_version()
    else:
        driver(terraform, tmp_path).check_version()


def hanging(fake: Fake, directory: Path, on_hanging: Any) -> Terraform:
    """A Terraform in the middle of a run; `on_hanging` is called once it can be interrupted."""
    terraform = driver(fake, directory)
    ordinary = terraform._stream

    def stream(command: str, arguments: list[str], on_line: Any) -> tuple[int, str]:
        def line(text: str) -> None:
            on_line(text)
            if "hanging" in text:
                on_hanging()

        return ordinary(command, arguments, line)

    terraform._stream = stream  # type: ignore[method-assign]
    return terraform


def test_an_interrupt_reaches_the_leader_once_and_goes_on_upwards(terraform: Fake, tmp_path: Path) -> None:
    terraform.tell("apply", hang=True)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hanging(terraform, tmp_path, interrupt).run("apply")
    assert terraform.interrupts == 1
    assert gone(terraform.calls[0]["pid"])


def test_sigterm_ends_terraform_in_order_and_then_us(terraform: Fake, tmp_path: Path) -> None:
    terraform.tell("apply", hang=True)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        hanging(terraform, tmp_path, lambda: os.kill(os.getpid(), signal.SIGTERM)).run("apply")
    assert ended.value.code == 128 + signal.SIGTERM
    assert terraform.interrupts == 1
    assert signal.getsignal(signal.SIGTERM) is before


def test_workers_are_stopped_through_interrupt_all(terraform: Fake, tmp_path: Path) -> None:
    terraform.tell("apply", hang=True)
    ready, caught = threading.Event(), []

    def work() -> None:
        try:
            hanging(terraform, tmp_path, ready.set).run("apply")
        except TerraformError as error:
            caught.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    assert ready.wait(10)
    interrupt_all()
    worker.join(10)
    assert len(caught) == 1
    assert terraform.interrupts == 1


def test_one_that_does_not_listen_is_killed_after_the_grace(
    terraform: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terraform.tell("apply", hang="deaf")
    monkeypatch.setattr("pipeline.infra.terraform.stop", lambda running: stop(running, grace_s=0.1))

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hanging(terraform, tmp_path, interrupt).run("apply")
    assert gone(terraform.calls[0]["pid"])


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_terraform_whose_crabwalk_was_killed_goes_on_to_its_end(terraform: Fake, tmp_path: Path) -> None:
    """With a pipe it would die of the first line it writes, and leave its lock."""
    terraform.tell("apply", "before", {"type": "of_tomorrow"}, waits="go", writes_last={"ended": "in order"})
    program = (
        "import sys; from pathlib import Path; from pipeline.infra.terraform import Terraform\n"
        f"Terraform(Path({str(tmp_path)!r}), {terraform.environment!r}, print).run('apply')\n"
    )
    ours = subprocess.Popen([sys.executable, "-c", program])
    until(lambda: bool(terraform.calls))
    (call,) = terraform.calls
    assert not gone(call["pid"])
    ours.kill()
    ours.wait()
    (terraform.folder / "go").touch()
    until((tmp_path / "ended").exists)
    assert (tmp_path / "ended").read_text() == "in order"


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_while_a_run_is_being_ended_no_other_is_started(terraform: Fake, tmp_path: Path) -> None:
    terraform.tell("apply", hang=True)
    ready, caught = threading.Event(), []

    def work() -> None:
        for _ in range(2):
            try:
                hanging(terraform, tmp_path, ready.set).run("apply")
            except TerraformError as error:
                caught.append(error.what)

    def interrupted() -> None:
        worker.start()
        assert ready.wait(10)
        with pytest.raises(KeyboardInterrupt), interruptible(worker.join):
            raise KeyboardInterrupt

    worker = threading.Thread(target=work)
    interrupted()
    assert not worker.is_alive()
    assert caught == [
        "terraform apply ended with 1: hanging",
        "terraform apply was not started: this run is being ended",
    ]
    assert terraform.interrupts == 1


def test_what_had_to_be_killed_tells_the_lock_it_left(
    terraform: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terraform.tell("apply", hang="deaf")
    monkeypatch.setattr("pipeline.infra.terraform.stop", lambda running: stop(running, grace_s=0.1))
    said: list[str] = []
    stack = Stack("web", "staging", lambda: "4fbbbf4d")
    made = Terraform(tmp_path, terraform.environment, said.append, stack)

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made._stream("apply", [], interrupt)
    assert said[-1] == (
        "warning: Terraform of stack web did not end within 30 s and was killed; the lock 4fbbbf4d of its state is "
        "left, what it was doing may not be in the state: crabwalk unlock web --env staging"
    )
    (run,) = locks.own_runs(tmp_path)
    assert (run.command, locks.alive(run)) == ("apply", False)


def test_a_run_that_ended_in_order_leaves_no_note(terraform: Fake, tmp_path: Path) -> None:
    terraform.tell("plan", code=1)
    with pytest.raises(TerraformError):
        driver(terraform, tmp_path).run("plan")
    assert locks.own_runs(tmp_path) == ()
