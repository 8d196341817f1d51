"""A stand-in for cargo-deny: says what a test told it, and notes how it was called."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_PROGRAM = """#!{python}
import json, sys
from pathlib import Path
folder = Path({folder!r})
if sys.argv[1:] == ["--version"]:
    print((folder / "version").read_text())
    sys.exit(0)
with (folder / "calls").open("a") as calls:
    print(json.dumps(sys.argv[1:]), file=calls)
answer = folder / ("advisories" if sys.argv[-1] == "advisories" else "rules")
code, text = json.loads(answer.read_text()) if answer.exists() else (0, "")
print(text, file=sys.stderr)
sys.exit(code)
"""


class FakeDeny:
    """A `cargo-deny` in a folder for PATH."""

    def __init__(self, folder: Path, version: str = "cargo-deny 0.20.2") -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        (folder / "version").write_text(version)
        program = folder / "cargo-deny"
        program.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)

    def answer(self, which: str, code: int, *lines: dict[str, Any] | str) -> None:
        """What `rules` or `advisories` end with: JSON reports, or plain text."""
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        (self.folder / which).write_text(json.dumps([code, text]))

    @property
    def calls(self) -> list[list[str]]:
        calls = self.folder / "calls"
        return [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []
