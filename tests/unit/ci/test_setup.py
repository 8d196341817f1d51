"""The decisions of set-up: which packages, which toolchain, whether the environment is kept, whether to do anything."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from provision import apt, main, rust, shell, stamp, terraform, venv

ROOT = Path(__file__).resolve().parents[3]

DEBIAN = dict.fromkeys(apt.family("rustc"), "1.63.0+dfsg1-2") | dict.fromkeys(
    apt.family("rustc-web"), "1.96.0+dfsg1-1~deb12u2"
)
UBUNTU = (
    dict.fromkeys(apt.family("rustc"), "1.75.0+dfsg0ubuntu1-0ubuntu7.1")
    | dict.fromkeys(apt.family("rustc-1.80"), "1.80.1+dfsg0ubuntu1-0ubuntu0.24.04")
    | dict.fromkeys(apt.family("rustc-1.89"), "1.89.0+dfsg~24.04-0ubuntu0")
    | dict.fromkeys(apt.family("rustc-1.91")[:2], "1.91.0+dfsg~24.04-0ubuntu0")
)

POLICY = """\
rustc-web:
  Installed: (none)
  Candidate: 1.96.0+dfsg1-1~deb12u2
  Version table:
     1.96.0+dfsg1-1~deb12u2 500
        500 http://example.test bookworm-security/main amd64 Packages
rust-web-doc:
  Installed: (none)
  Candidate: (none)
  Version table:
"""


def toolchain(name: str, **fields: object) -> rust.Toolchain:
    """A complete rustup toolchain, but for what a test says."""
    known: dict[str, object] = {
        "directory": Path(f"/somewhere/{name}"),
        "release": (1, 95, 0),
        "sysroot": Path(f"/somewhere/{name}/sysroot"),
        "targets": rust.TRIPLES,
        "source": False,
        "linters": rust.LINTERS,
        "rustup": True,
    }
    return rust.Toolchain(**{**known, **fields})  # type: ignore[arg-type]


PREBUILT = toolchain("prebuilt")
BARE = toolchain("bare", targets=())
SOURCE = toolchain("distribution", targets=(), source=True, rustup=False)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1.96.0+dfsg1-1~deb12u2", (1, 96, 0)),
        ("2:1.85.1-0ubuntu1", (1, 85, 1)),
        ("1.99.0-nightly", (1, 99, 0)),
        ("1.85", (1, 85)),
        ("none", ()),
    ],
)
def test_version_is_the_upstream_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert apt.version(text) == numbers


def test_family_names_of_debian_and_ubuntu() -> None:
    assert apt.family("rustc-web") == ("rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy", "rustfmt-web")
    assert apt.family("rustc-1.89") == ("rustc-1.89", "cargo-1.89", "rust-1.89-src", "rust-1.89-clippy", "rustfmt-1.89")
    assert apt.family("rustc") == ("rustc", "cargo", "rust-src", "rust-clippy", "rustfmt")


@pytest.mark.parametrize(
    ("candidates", "oldest", "compiler"),
    [
        (DEBIAN, (1, 85), "rustc-web"),
        (UBUNTU, (1, 85), "rustc-1.89"),  # 1.91 is newer, but not complete
        (UBUNTU, (1, 90), None),
        (DEBIAN, (1, 60), "rustc-web"),
        ({}, (1, 85), None),
    ],
)
def test_newest_complete_family_that_is_new_enough(
    candidates: dict[str, str], oldest: tuple[int, ...], compiler: str | None
) -> None:
    assert apt.newest_family(candidates, oldest) == (apt.family(compiler) if compiler else None)


@pytest.mark.parametrize(
    ("system", "compiler"),
    [({"ID": "debian", "VERSION_ID": "13"}, "rustc-web"), ({"ID": "debian"}, "rustc")],
)
def test_usual_family_without_package_lists(system: dict[str, str], compiler: str) -> None:
    assert apt.usual_family(system) == apt.family(compiler)


def test_usual_family_of_another_system_is_not_guessed() -> None:
    assert apt.usual_family({"ID": "ubuntu", "VERSION_ID": "24.04"}) == ()


def test_policy_without_packages_that_have_no_candidate() -> None:
    assert apt.parse_policy(POLICY) == {"rustc-web": "1.96.0+dfsg1-1~deb12u2"}


def test_line_refreshes_the_lists_only_where_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt.shutil, "which", lambda _: None)
    install = "apt-get install -y --no-install-recommends gcc libc6-dev"
    assert apt.line(("gcc", "libc6-dev"), update=False) == install
    assert apt.line(("gcc", "libc6-dev"), update=True) == f"sh -c 'apt-get update && {install}'"
    monkeypatch.setattr(apt.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert apt.line(("gcc", "libc6-dev"), update=False) == f"sudo {install}"


def test_prebuilt_std_comes_before_std_from_source() -> None:
    assert rust.choose((SOURCE, PREBUILT)) == PREBUILT
    assert rust.choose((BARE, SOURCE)) == SOURCE


def test_rustup_without_targets_is_not_ready_even_with_sources() -> None:
    assert rust.choose((toolchain("nightly", targets=(), source=True),)) is None


def test_toolchain_without_linters_is_not_ready() -> None:
    assert rust.choose((toolchain("minimal", linters=()), toolchain("half", linters=("rustfmt",)))) is None


def test_rustup_is_asked_for_what_its_toolchain_lacks() -> None:
    assert rust.with_rustup((SOURCE, BARE)) == BARE
    minimal = toolchain("minimal", linters=())
    assert rust.with_rustup((minimal,)) == minimal
    assert rust.with_rustup((PREBUILT, SOURCE)) is None


def proxies(directory: Path) -> Path:
    """A rustup's proxies whose toolchain is missing: they exist and fail, as under a new HOME."""
    directory.mkdir()
    for name in ("rustc", "cargo", "rustup"):
        (directory / name).write_text("#!/bin/sh\necho 'error: no default toolchain is configured' >&2\nexit 1\n")
        (directory / name).chmod(0o755)
    return directory


def test_proxy_without_a_toolchain_is_passed_over(tmp_path: Path) -> None:
    assert rust.inspect(proxies(tmp_path / "bin")) is None


def compiler(directory: Path, sysroot: Path, release: str) -> Path:
    """A compiler that answers what set-up asks."""
    directory.mkdir(parents=True)
    for name in ("rustc", "cargo", "cargo-clippy", "rustfmt"):
        (directory / name).write_text(f'#!/bin/sh\n[ "$1" = -vV ] && echo "release: {release}" || echo "{sysroot}"\n')
        (directory / name).chmod(0o755)
    return directory


def test_toolchains_are_found_behind_a_broken_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = proxies(tmp_path / "proxies")
    sysroot = tmp_path / "sysroot"
    for part in (*(f"{triple}/lib/libstd-1.rlib" for triple in rust.TRIPLES), "src/rust/library/std/Cargo.toml"):
        path = sysroot / "lib/rustlib" / part
        path.parent.mkdir(parents=True)
        path.touch()
    real = compiler(tmp_path / "real", sysroot, "1.95.0")
    old = compiler(tmp_path / "old", sysroot, "1.63.0")
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, (broken, old, real))) + os.pathsep + os.environ["PATH"])
    first = rust.find((1, 85))[0]
    assert (first.directory, first.release, first.targets, first.source) == (real, (1, 95, 0), rust.TRIPLES, True)
    assert first.ready
    assert not first.rustup


def settings(directory: Path, **changed: str) -> dict[str, str]:
    """What pyvenv.cfg of a good environment says."""
    here = ".".join(map(str, sys.version_info[:3]))
    return {"version": here, "command": f"/usr/bin/python3 -m venv {directory}", **changed}


def test_good_environment_is_kept(tmp_path: Path) -> None:
    assert venv.why_not(settings(tmp_path), tmp_path, works=True) is None


@pytest.mark.parametrize(
    ("changed", "works", "why"),
    [
        ({"version": "3.9.1"}, True, "it is of Python 3.9.1"),
        ({"command": "/usr/bin/python3 -m venv /elsewhere/.venv"}, True, "the folder was moved"),
        ({}, False, "does not run"),
    ],
)
def test_environment_is_made_anew(tmp_path: Path, changed: dict[str, str], *, works: bool, why: str) -> None:
    assert why in (venv.why_not(settings(tmp_path, **changed), tmp_path, works=works) or "")


def test_half_made_environment_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    assert venv.why_new(tmp_path) == "it is not complete"
    assert venv.why_new(tmp_path / "nowhere") == "there is none yet"


def test_key_changes_with_any_input() -> None:
    known = {"file requirements.lock": "a", "tool rustc": "b"}
    assert stamp.key(known) == stamp.key(dict(reversed(known.items())))
    assert stamp.key(known) != stamp.key({**known, "tool rustc": "c"})


def test_inputs_name_every_file_that_set_up_reads() -> None:
    found = stamp.inputs(ROOT)
    assert {"file pyproject.toml", "file requirements.lock", "file requirements-terraform.lock", "file rust.py"} <= set(
        found
    )


def test_activated_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = stamp.inputs(ROOT)
    monkeypatch.setenv("PATH", f"{ROOT}/.venv/bin:{os.environ['PATH']}")
    assert stamp.inputs(ROOT) == before


def linked(root: Path) -> Path:
    """A folder with an environment whose Python runs."""
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/bin/python").symlink_to(sys.executable)
    return root


def test_stamp_holds_while_its_paths_exist(tmp_path: Path) -> None:
    root = linked(tmp_path)
    kept = root / "sysroot"
    kept.touch()
    mine = stamp.Stamp("key", "said", "/usr/bin", (str(kept),))
    assert stamp.holds(mine, "key", root)
    assert not stamp.holds(mine, "another", root)
    assert not stamp.holds(None, "key", root)
    kept.unlink()
    assert not stamp.holds(mine, "key", root)


def test_stamp_does_not_hold_without_a_running_python(tmp_path: Path) -> None:
    assert not stamp.holds(stamp.Stamp("key", "said", "/usr/bin", ()), "key", tmp_path)


@pytest.mark.parametrize("text", ["", "{", "{}", "[1]"])
def test_broken_stamp_is_none(tmp_path: Path, text: str) -> None:
    stamp.file(linked(tmp_path)).write_text(text)
    assert stamp.read(tmp_path) is None


def test_terraform_that_does_not_run_has_no_version(tmp_path: Path) -> None:
    assert terraform.release(tmp_path / "terraform") == ()
    assert terraform.OLDEST > ()


def test_failed_program_shows_its_last_lines() -> None:
    done = shell.run((sys.executable, "-c", "import sys; print('\\n'.join(map(str, range(50)))); sys.exit(3)"))
    assert done.code == 3
    assert done.tail().split() == [str(number) for number in range(30, 50)]


def test_program_that_hangs_or_is_absent_is_a_failure() -> None:
    assert shell.run(("sleep", "60"), seconds=0.05).code == shell.TIMED_OUT
    assert shell.run(("/nowhere/program",)).code == shell.NOT_FOUND


def test_second_set_up_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    done = stamp.Stamp(stamp.key(stamp.inputs(ROOT)), "Python 3, Rust 1", "/usr/bin", ())
    monkeypatch.setattr(main.stamp, "read", lambda _: done)
    assert main.main() == 0
    assert capsys.readouterr().out == "set up already: Python 3, Rust 1\n"


@pytest.mark.parametrize(("there", "missing"), [((), True), (("chromium",), False), (("google-chrome",), False)])
def test_a_browser_is_installed_where_there_is_none(
    there: tuple[str, ...], missing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apt.shutil, "which", lambda name: f"/usr/bin/{name}" if name in there else None)
    found = apt.missing_for_tests()
    assert ("chromium" in found) is missing
    assert missing is ("chromium" in apt.line(found, update=False))
