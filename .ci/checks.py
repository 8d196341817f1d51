"""Runs the checks of `make test` and `make lint` in order and stops at the first that fails, naming it.

pytest comes last and replaces this process, so that the last lines are its own summary.
"""

from __future__ import annotations

import fcntl
import hashlib
import math
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provision import actionlint, known, stamp

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv" / "bin"
CACHE = known.cache("checks")
INTERRUPTED = 130
# Cases of property tests over all handlers, whoever has how many.
CASES, MANY_CASES = 20_000, 1_000_000
PROPERTY = re.compile(r"#\[test\]\s+fn \w+\(\s*[^)\s]")


@dataclass(frozen=True)
class Check:
    """One command and what it is called."""

    name: str
    command: tuple[str, ...]


# What is deployed with features that are off by default, which the whole workspace is checked without.
_FEATURES = "token-customizer/publish,rust_shared/otlp"
VARIANTS = ("--package", "token-customizer", "--package", "rust_shared", "--features", _FEATURES)
_CLIPPY = ("--all-targets", "--locked", "--quiet", "--", "-D", "warnings")
LINT = (
    Check("ruff", (f"{BIN}/ruff", "check", "--quiet")),
    Check("ruff format", (f"{BIN}/ruff", "format", "--check", "--quiet")),
    Check("mypy", (f"{BIN}/mypy",)),
    Check("checkov", (f"{BIN}/python", f"{ROOT}/.ci/scan.py")),
    Check("actionlint", (str(actionlint.program()), "-shellcheck=", "-pyflakes=")),
    Check("zizmor", (f"{BIN}/zizmor", "--offline", "--quiet", f"{ROOT}/.github")),
    Check("documentation", (f"{BIN}/python", f"{ROOT}/.ci/documentation.py", "check")),
    Check("rustfmt", ("cargo", "fmt", "--all", "--check")),
    Check("clippy", ("cargo", "clippy", "--workspace", *_CLIPPY)),
    Check("clippy, the other variants", ("cargo", "clippy", *VARIANTS, *_CLIPPY)),
)
RUST = (
    Check("cargo test", ("cargo", "test", "--workspace", "--locked", "--quiet")),
    Check("cargo test, the other variants", ("cargo", "test", *VARIANTS, "--locked", "--quiet")),
)
SUPPLY = (Check("cargo-deny", (f"{BIN}/python", f"{ROOT}/.ci/supply.py")),)
GROUPS = {"lint": LINT, "rust": RUST, "supply": SUPPLY}


def exhaustive() -> bool:
    """Whether this is `make test-all`."""
    return bool(os.environ.get("CRABWALK_EXHAUSTIVE"))


def pytest_command(extra: Sequence[str], *, everything: bool) -> tuple[str, ...]:
    """The whole test suite; without the long runs unless asked for.

    Three processes on two cores, because much of it waits; `tests/conftest.py` says what goes together, longest first.
    """
    marks = ("-m", "") if everything else ()
    return (
        f"{BIN}/python",
        "-m",
        "pytest",
        "-q",
        "--durations=10",
        "-n",
        "3",
        "--no-loadscope-reorder",
        *marks,
        *extra,
    )


def cases(root: Path, wanted: int) -> int:
    """How many cases each property test has, so that those of the services' handlers are as many as wanted in all."""
    sources = sorted(root.glob("services/*/src/**/*.rs"))
    tests = sum(len(PROPERTY.findall(source.read_text("utf-8"))) for source in sources)
    return math.ceil(wanted / max(tests, 1))


def environment(directory: str, target: Path) -> dict[str, str]:
    """The compiler that set-up chose comes first; what cargo leaves is kept out of the work tree."""
    wanted = MANY_CASES if exhaustive() else CASES
    return {
        "PROPTEST_CASES": str(cases(ROOT, wanted)),
        **os.environ,
        "PATH": os.pathsep.join((str(BIN), directory, os.environ.get("PATH", ""))),
        "CARGO_TARGET_DIR": str(target),
        # Nobody debugs these builds, and every dependency is compiled for them.
        "CARGO_INCREMENTAL": "0",
        "CARGO_PROFILE_DEV_DEBUG": "0",
    }


def members() -> tuple[str, ...]:
    """The names of the workspace's own packages."""
    patterns = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["members"]
    files = (file for pattern in patterns for file in sorted(ROOT.glob(f"{pattern}/Cargo.toml")))
    return tuple(tomllib.loads(file.read_text())["package"]["name"] for file in files)


@contextmanager
def target_directory(directory: str) -> Iterator[Path]:
    """Lends the target directory that all clones share, so that dependencies are compiled once.

    cargo trusts modification times: another clone's older file would look finished. So whoever comes after another
    clone has the workspace's own packages compiled anew.
    """
    target = CACHE / identifier(directory)
    target.mkdir(parents=True, exist_ok=True)
    owner = target / ".clone"
    with (target / ".crabwalk-lock").open("ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for the checks of another clone", flush=True)
            fcntl.flock(held, fcntl.LOCK_EX)
        if not owner.is_file() or owner.read_text() != str(ROOT):
            named = [part for name in members() for part in ("--package", name)]
            env = environment(directory, target)
            subprocess.run(["cargo", "clean", "--quiet", "--locked", *named], cwd=ROOT, env=env, check=False)
            owner.write_text(str(ROOT))
        yield target


def identifier(directory: str) -> str:
    """One folder a compiler: compilers that share one recompile everything at each change."""
    said = subprocess.run([f"{directory}/rustc", "-vV"], capture_output=True, check=False).stdout
    return hashlib.sha256(said).hexdigest()[:12]


def run(check: Check, env: Mapping[str, str]) -> int:
    """Runs one check on the terminal there is."""
    began = time.monotonic()
    code = subprocess.run(check.command, cwd=ROOT, env=env, check=False).returncode
    seconds = f"{time.monotonic() - began:.1f} s"
    if code == 0:
        print(f"{check.name}: passed, {seconds}", flush=True)
    else:
        print(
            f"\n{check.name} FAILED (exit code {code}, {seconds}): {shlex.join(check.command)}",
            file=sys.stderr,
            flush=True,
        )
    return code


def main(arguments: Sequence[str]) -> int:
    """`lint rust pytest -- options of pytest`."""
    groups, extra = list(arguments), []
    if "--" in groups:
        cut = groups.index("--")
        groups, extra = groups[:cut], groups[cut + 1 :]
    last = stamp.read(ROOT)
    if last is None:
        print("not set up yet: make setup", file=sys.stderr)
        return 1
    with target_directory(last.cargo) as target:
        env = environment(last.cargo, target)
        for check in (check for group in groups if group != "pytest" for check in GROUPS[group]):
            code = run(check, env)
            if code != 0:
                return code
    if "pytest" in groups:
        command = pytest_command(extra, everything=exhaustive())
        os.chdir(ROOT)
        # As in an activated environment: the tests start terraform, which may be the one from PyPI.
        path = os.pathsep.join((str(BIN), os.environ.get("PATH", "")))
        os.execve(command[0], command, {**os.environ, "PATH": path})  # noqa: S606
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
