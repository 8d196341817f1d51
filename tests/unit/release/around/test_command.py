from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import CrabwalkError
from pipeline.release.around.command import LAST_LINES, Ran, run


@pytest.fixture
def lines() -> list[str]:
    return []


def script(tmp_path: Path, text: str) -> tuple[str, ...]:
    file = tmp_path / "hook.py"
    file.write_text(f"#!{sys.executable}\n{text}")
    file.chmod(0o755)
    return ("./hook.py",)


def ran(tmp_path: Path, text: str, lines: list[str], timeout_s: float = 20.0, **env: str) -> Ran:
    return run(script(tmp_path, text), tmp_path, {**os.environ, **env}, timeout_s, lines.append)


def gone(pid: int) -> bool:
    """Whether it ends, if only as a zombie that nobody reaps; a killed process takes a moment."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_a_program_is_run_in_the_services_folder_with_what_it_is_told(tmp_path, lines) -> None:
    text = "import os, sys\nprint(os.getcwd(), os.environ['A'])\nprint('wrong', file=sys.stderr)\nsys.exit(3)"
    found = ran(tmp_path, text, lines, A="b")
    assert (found.code, lines) == (3, [f"{tmp_path} b", "wrong"])
    assert found.last == tuple(lines)


def test_only_the_last_lines_are_kept_and_no_terminal_obeys_them(tmp_path, lines) -> None:
    text = "for i in range(20): print(i)\nprint('\\x1b[2Jcleared', end='')\nopen(1, 'wb').write(b'\\xff')"
    found = ran(tmp_path, text, lines)
    assert (found.code, len(lines), len(found.last)) == (0, 21, LAST_LINES)
    assert set(found.last[-1].replace("\\xff", "").replace("\\x1b", "")) <= set("[2Jcleared")


def test_a_shell_is_not_involved(tmp_path, lines) -> None:
    found = run(["echo", "$HOME; touch x", "*"], tmp_path, os.environ, 20, lines.append)
    assert (found.code, lines) == (0, ["$HOME; touch x *"])


def test_what_takes_too_long_is_ended_with_all_it_started(tmp_path, lines) -> None:
    text = (
        "import os, signal, subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)"
    )
    found = ran(tmp_path, text, lines, timeout_s=1.0)
    assert found.code is None
    assert gone(int(lines[0]))


def test_what_it_leaves_running_is_not_waited_for_and_does_not_stay(tmp_path, lines) -> None:
    text = "import subprocess\nprint(subprocess.Popen(['sleep', '600']).pid, flush=True)"
    found = ran(tmp_path, text, lines)
    assert found.code == 0
    assert gone(int(lines[0]))


def test_what_closes_its_output_is_waited_for(tmp_path, lines) -> None:
    text = (
        "import os, time\nprint('last')\nos.sys.stdout.flush()\nos.close(1); os.close(2)\ntime.sleep(0.3)\nos._exit(7)"
    )
    assert ran(tmp_path, text, lines).code == 7
    assert lines == ["last"]


def test_a_signal_is_told(tmp_path, lines) -> None:
    assert ran(tmp_path, "import os; os.kill(os.getpid(), 9)", lines).code == -9


def test_an_interruption_leaves_nothing_running(tmp_path) -> None:
    seen: list[str] = []

    def interrupted(line: str) -> None:
        seen.append(line)
        raise KeyboardInterrupt

    text = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)"
    with pytest.raises(KeyboardInterrupt):
        run(script(tmp_path, text), tmp_path, os.environ, 20, interrupted)
    assert gone(int(seen[0]))


@pytest.mark.parametrize("words", [("./missing.sh",), ("no-such-program-at-all",), ("./",)])
def test_what_cannot_be_started_is_an_error(tmp_path, words) -> None:
    with pytest.raises(CrabwalkError, match=r"the hook `.*` cannot be started: "):
        run(words, tmp_path, os.environ, 5, lambda _: None)
