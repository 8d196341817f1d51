"""Debian and Ubuntu packages: which are missing, which Rust the distribution has, and installing them when root.

Never calls sudo and never lets apt remove a package: without root the one line to type is the answer.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from provision.shell import SetupError, probe, run, say

Version = tuple[int, ...]

OPTIONS = ("-y", "--no-install-recommends", "--no-remove", "-o", "DPkg::Lock::Timeout=300")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SHELLS = ("zsh", "fish")  # whoever runs this has a bash
QUIET = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}


def version(text: str) -> Version:
    """The upstream numbers of a version, `1.96.0+dfsg1-1~deb12u2` and `2:1.85.1-0ubuntu1` alike."""
    upstream = text.split(":", 1)[-1]
    match = re.match(r"\d+(\.\d+)*", upstream)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def family(compiler: str) -> tuple[str, ...]:
    """The packages that belong to one of the distribution's compilers: rustc, rustc-web, rustc-1.89."""
    suffix = compiler.removeprefix("rustc")
    middle = f"rust{suffix}"
    return compiler, f"cargo{suffix}", f"{middle}-src", f"{middle}-clippy", f"rustfmt{suffix}"


def is_compiler(name: str) -> bool:
    """Whether a package name is one of the distribution's Rust compilers."""
    return re.fullmatch(r"rustc(-web|-1\.\d+)?", name) is not None


def newest_family(candidates: Mapping[str, str], needed: Version) -> tuple[str, ...] | None:
    """The newest complete family that is new enough; `candidates` maps package names to versions."""
    families = [
        (version(candidates[name]), name)
        for name in candidates
        if is_compiler(name)
        and version(candidates[name]) >= needed
        and all(part in candidates for part in family(name))
    ]
    return family(max(families)[1]) if families else None


def usual_family(system: Mapping[str, str]) -> tuple[str, ...]:
    """What a Debian has whose lists were never fetched, by its os-release; Ubuntu's name changes with every update."""
    if system.get("ID") != "debian":
        return ()
    return family("rustc-web" if system.get("VERSION_ID") in ("12", "13") else "rustc")


def parse_policy(text: str) -> dict[str, str]:
    """`apt-cache policy` as a map from package to candidate version, without those that have none."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line and not line[0].isspace():
            name = line.rstrip(":")
        elif line.strip().startswith("Candidate:"):
            candidate = line.split(":", 1)[1].strip()
            if candidate != "(none)":
                found[name] = candidate
    return found


def line(packages: Sequence[str], *, update: bool) -> str:
    """The one line a person types who has root where set-up has not."""
    install = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    sudo = "sudo " if shutil.which("sudo") else ""
    return f"{sudo}sh -c 'apt-get update && {install}'" if update else f"{sudo}{install}"


def available() -> bool:
    """Whether this is a machine with apt."""
    return shutil.which("apt-get") is not None and shutil.which("apt-cache") is not None


def is_root() -> bool:
    """Whether this is the one user who may install packages."""
    return os.geteuid() == 0


def can_install() -> bool:
    """Whether packages are had without asking anybody."""
    return available() and is_root()


def has_lists() -> bool:
    """Whether apt knows any package at all: a fresh container has never run `apt-get update`."""
    return bool(probe(("apt-cache", "pkgnames", "libc6-dev")))


def rust_candidates() -> dict[str, str]:
    """The Rust packages the distribution offers, with their versions."""
    compilers = [name for name in (probe(("apt-cache", "pkgnames", "rustc")) or "").split() if is_compiler(name)]
    names = [part for name in compilers for part in family(name)]
    return parse_policy(probe(("apt-cache", "policy", *names)) or "") if names else {}


def missing_basics(python: Version, *, cross: bool) -> tuple[str, ...]:
    """Packages without which nothing can be set up: a C linker, pip for the virtual environment, qemu for arm64."""
    packages: list[str] = []
    if not can_link():
        packages += ["gcc", "libc6-dev"]
    if not has_ensurepip():
        packages.append(f"python{python[0]}.{python[1]}-venv")
    if cross and not shutil.which("qemu-aarch64-static"):
        packages.append("qemu-user-static")
    if not Path("/etc/ssl/certs/ca-certificates.crt").exists() and "SSL_CERT_FILE" not in os.environ:
        packages.append("ca-certificates")
    return tuple(packages)


def missing_for_tests() -> tuple[str, ...]:
    """Packages that only tests need: a browser that looks at the pages, shells in which completion is tried."""
    browser = () if any(shutil.which(name) for name in BROWSERS) else ("chromium",)
    return (*browser, *(name for name in SHELLS if not shutil.which(name)))


def can_link() -> bool:
    """Whether there is a C compiler with the C library's start-up files."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    where = probe((compiler, "-print-file-name=crt1.o")) if compiler else None
    return where is not None and Path(where).is_absolute()


def has_ensurepip() -> bool:
    """Whether this Python can make an environment with pip (Debian packages that apart)."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return False
    return True


def update() -> None:
    """Refreshes the package lists; a broken third-party list must not stop what the others can give."""
    say("apt: refreshing the package lists")
    done = run(("apt-get", "update"), env=QUIET)
    if not done.ok:
        say(f"apt: `apt-get update` ended with exit code {done.code}; going on with the lists there are\n{done.tail()}")


def provide(packages: Sequence[str]) -> None:
    """Have these packages installed; SetupError with the one line to type where that takes somebody else."""
    if not packages:
        return
    if not available():
        raise SetupError(
            "This machine has no apt; install these with its own package manager, then the same `make` again:\n"
            f"  {', '.join(packages)}"
        )
    need_root(packages)
    update()
    install(packages)


def need_root(packages: Sequence[str]) -> None:
    """SetupError, with the one line to type, for whoever is not root."""
    if not is_root():
        raise SetupError(
            "Packages are missing that only root can install. The line to type, then the same `make` again:\n"
            f"  {line(packages, update=not has_lists())}"
        )


def install(packages: Iterable[str]) -> None:
    """Installs as root, or ends set-up with apt's own words."""
    names = tuple(packages)
    say(f"apt: installing {' '.join(names)}")
    done = run(("apt-get", "install", *OPTIONS, *names), env=QUIET)
    if not done.ok:
        raise SetupError(
            f"apt could not install the packages (exit code {done.code}):\n{done.tail()}\n"
            f"  repair that, then `make setup` again; by hand it is\n    {line(names, update=True)}"
        )
