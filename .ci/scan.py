"""Scans the Terraform modules with checkov, offline, and says what it found where; nothing when nothing has changed.

A finding is repaired or waived inside its block: `# checkov:skip=ID:reason`. A waiver without a reason fails, and so
does one that waives nothing.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from provision import checkov, known

ROOT = Path(__file__).resolve().parents[1]
MODULES = ROOT / "modules"
SECONDS = 300
SHORTEST_REASON = 15
WAIVER = re.compile(r"#\s*checkov:skip=(?P<id>[A-Z0-9_]+)(?::(?P<reason>.*))?$")
# Offline: no list of policies is fetched, no module from elsewhere, nothing is sent.
ARGUMENTS = (
    "-m", "checkov.main", "--directory", str(MODULES), "--framework", "terraform", "--output", "json", "--compact",
    "--skip-download", "--download-external-modules", "false",
)  # fmt: skip


def sources(modules: Path) -> list[Path]:
    """What is scanned; what Terraform itself leaves in a folder is not."""
    return sorted(path for path in modules.glob("*/*.tf") if path.is_file())


def key(files: Iterable[Path], identity: str) -> str:
    """Hash of what the outcome depends on: the modules, checkov and this file."""
    return known.digest(identity.encode() + Path(__file__).read_bytes(), MODULES, files)


def waivers(files: Iterable[Path]) -> list[tuple[str, int, str, str]]:
    """Every waiver with its place: file, line, what is waived, why."""
    found = []
    for path in files:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if match := WAIVER.search(line):
                found.append((str(path.relative_to(ROOT)), number, match["id"], (match["reason"] or "").strip()))
    return found


def problems(report: Sequence[Mapping[str, Any]], waived: Sequence[tuple[str, int, str, str]]) -> list[str]:
    """One line a finding, as a compiler would say it."""
    said, used = [], set()
    for part in report:
        for check in part["results"].get("failed_checks", ()):
            where = f"modules{check['file_path']}:{check['file_line_range'][0]}"
            said.append(f"{where}: {check['resource']}: {check['check_name']} [{check['check_id']}]")
        unread = part["results"].get("parsing_errors", ())
        said += [f"{name}: cannot be read as Terraform" for name in unread]
        for check in part["results"].get("skipped_checks", ()):
            first, last = check["file_line_range"]
            used |= {(f"modules{check['file_path']}", line, check["check_id"]) for line in range(first, last + 1)}
    for name, line, identifier, reason in waived:
        if len(reason) < SHORTEST_REASON:
            said.append(f"{name}:{line}: the waiver of {identifier} does not say why")
        if (name, line, identifier) not in used:
            said.append(f"{name}:{line}: the waiver of {identifier} waives nothing")
    return sorted(set(said))


def scan(python: Path) -> list[Mapping[str, Any]]:
    """What checkov found."""
    done = subprocess.run([str(python), *ARGUMENTS], capture_output=True, text=True, timeout=SECONDS, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        sys.exit(f"checkov did not come to an end (exit code {done.returncode}):\n{done.stdout}{done.stderr}")
    return report if isinstance(report, list) else [report]


def main() -> int:
    """The exit code: 1 when something was found."""
    files = sources(MODULES)
    passed = checkov.cache() / "passed" / key(files, checkov.identity(ROOT))
    if passed.is_file():
        return 0
    if not checkov.is_complete(ROOT):
        sys.exit("checkov is not installed: make setup")
    try:
        said = problems(scan(checkov.python_of(ROOT)), waivers(files))
    except subprocess.TimeoutExpired:
        sys.exit(f"checkov did not come to an end within {SECONDS} s")
    if said:
        print("\n".join(said), file=sys.stderr)
        print("repair it, or write `# checkov:skip=ID:reason` into the block", file=sys.stderr)
        return 1
    passed.parent.mkdir(parents=True, exist_ok=True)
    passed.touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
