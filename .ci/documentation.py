"""The documentation: `check` builds its site, and a fault fails; `renew` writes what programs make of it.

The site is only built when something it depends on has changed since it was built without a fault.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from provision import known

ROOT = Path(__file__).resolve().parents[1]
CACHE = known.cache("site")
SOURCES = (
    "mkdocs.yml",
    "CHANGELOG.md",
    "docs/**/*",
    ".ci/documentation.py",
    ".ci/site_hooks.py",
    ".ci/pages/*.py",
    "modules/*/README.md",
    "services/**/*",
    "presets/**/*",
    ".github/**/*",
)
SECONDS = 300
# What mkdocs-material says of its own future is no fault of a page.
QUIET = {"NO_MKDOCS_2_WARNING": "1"}


def sources(root: Path) -> list[Path]:
    """What the site is made of."""
    found = (path for pattern in SOURCES for path in root.glob(pattern))
    return sorted({path for path in found if path.is_file() and "__pycache__" not in path.parts})


def key(root: Path, files: Iterable[Path], identity: str) -> str:
    """Hash of what the outcome depends on: what the site is made of, and what makes it."""
    return known.digest(identity.encode(), root, files)


def build(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build the site into this folder; every warning is a fault."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(root / "mkdocs.yml")]
    return subprocess.run(
        [*command, "--site-dir", str(site)],
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def check() -> int:
    """The exit code: 1 when the site cannot be built, or a link leads nowhere."""
    identity = " ".join(f"{name} {version(name)}" for name in ("mkdocs", "mkdocs-material", "pymdown-extensions"))
    passed = CACHE / "passed" / key(ROOT, sources(ROOT), identity)
    if passed.is_file():
        return 0
    with tempfile.TemporaryDirectory() as folder:
        done = build(ROOT, Path(folder) / "site")
    if done.returncode != 0:
        faults = [line for line in done.stderr.splitlines() if not line.startswith("INFO")]
        print("\n".join(faults), file=sys.stderr)
        return 1
    passed.parent.mkdir(parents=True, exist_ok=True)
    passed.touch()
    return 0


def renew() -> int:
    """Write what differs, and name it."""
    sys.path.insert(0, str(ROOT))
    from pages.generated import GENERATED

    for name, make in GENERATED.items():
        path, text = ROOT / "docs" / name, make()
        if not path.is_file() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"written: docs/{name}")
    return 0


def main(arguments: Sequence[str]) -> int:
    """The verb's exit code."""
    verbs = {"check": check, "renew": renew}
    if len(arguments) != 1 or arguments[0] not in verbs:
        print("documentation.py check | renew", file=sys.stderr)
        return 2
    return verbs[arguments[0]]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
