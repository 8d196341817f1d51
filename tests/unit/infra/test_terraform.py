from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from fake_terraform import FakeTerraform as Fake

from pipeline.errors import TerraformError
from pipeline.infra.terraform import Terraform, find_binary, interrupt_all, stop


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


def test_no_terraform_at_all_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(TerraformError, match="not installed") as caught:
        find_binary({"PATH": str(tmp_path)})
    assert "1.10" in str(caught.value.hint)


def test_terraform_beside_python_is_the_fallback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shim = tmp_path / "terraform"
    shim.write_text("#!/bin/sh\n")
    shim.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    assert find_binary({"PATH": "/nonexistent"}) == str(shim)


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
    monkeypatch.setattr("pipeline.infra.terraform.stop", lambda process: stop(process, grace_s=0.1))

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
