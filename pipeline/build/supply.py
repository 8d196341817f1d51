"""The rules of the supply chain (`deny.toml`): cargo-deny checks licences, bans, sources and advisories.

Installs and changes nothing. Advisories need a database; where that cannot be fetched it is said, and nothing fails.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.build.tools import installed
from pipeline.errors import BuildError

OnLine = Callable[[str], None]

OLDEST = (0, 18)  # the first that reads today's Cargo.lock, edition and configuration
_INSTALL = "cargo install cargo-deny --locked"
_WITHOUT = "`build: {deny: off}` in crabwalk.yaml goes without"
_RULES = ("licenses", "bans", "sources")
_SECONDS = 300
_SHOWN = 20


def check(root: Path, mode: str, on_line: OnLine, env: Mapping[str, str]) -> bool:
    """Whether the rules were checked; BuildError when they are broken, or cannot be checked although they must be.

    `mode` is `auto` (must in CI, where `CI` is true; elsewhere when cargo-deny is there), `required` or `off`. `env` is
    the environment of the build, with the chosen cargo first on PATH.
    """
    required = mode == "required" or (mode == "auto" and env.get("CI") == "true")
    if mode == "off":
        return False
    program = installed("cargo-deny", env)
    missing = _missing(root, program)
    if missing and required:
        what, hint = missing
        raise BuildError(what, where=str(root / "deny.toml"), hint=f"{hint}; {_WITHOUT}")
    if missing or program is None:
        return False
    # Not offline: cargo needs the manifests of all platforms, and a build fetches only its own.
    broken = _broken(_run(program, root, env, _RULES))
    advisories = _run(program, root, env, ("advisories",))
    if _unreachable(advisories):
        on_line("cargo-deny: its advisory database cannot be reached, so advisories are not checked")
    else:
        broken += _broken(advisories)
    if broken:
        more = [f"and {len(broken) - _SHOWN} more"] if len(broken) > _SHOWN else []
        raise BuildError(
            "the supply chain's rules are broken:\n" + "\n".join(f"  {line}" for line in (*broken[:_SHOWN], *more)),
            where=str(root / "deny.toml"),
            hint="`cargo deny check` shows the way to each crate",
        )
    return True


def _missing(root: Path, program: Path | None) -> tuple[str, str] | None:
    """Why the rules cannot be checked, and what to do about it."""
    if not (root / "deny.toml").is_file():
        return "there is no deny.toml, so nothing says which crates may be used", "`cargo deny init` writes one"
    if program is None:
        return "cargo-deny is not installed, and deny.toml must be checked here", f"`{_INSTALL}`"
    said = subprocess.run((program, "--version"), capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)\.(\d+)", said)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return f"{said.strip() or program} cannot read today's files: {oldest} or newer is needed", f"`{_INSTALL}`"
    return None


def _run(program: Path, root: Path, env: Mapping[str, str], which: Sequence[str]) -> list[dict[str, Any]]:
    """What cargo-deny reports, as its JSON lines; a failure without an error among them is one itself."""
    fixed = ("--format", "json", "--log-level", "error", "--locked", "--manifest-path", str(root / "Cargo.toml"))
    try:
        done = subprocess.run(
            (program, *fixed, "check", *which),
            cwd=root,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BuildError(f"cargo-deny did not end within {_SECONDS} s", where=str(program)) from None
    lines = list(_lines(done.stdout))
    if done.returncode != 0 and not any(_is_error(line) for line in lines):
        lines.append(_log(f"cargo-deny ended with {done.returncode}: {done.stdout.strip()[-2000:]}"))
    return lines if done.returncode != 0 else []


def _lines(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and isinstance(found.get("fields"), dict):
            yield found


def _is_error(line: Mapping[str, Any]) -> bool:
    fields = line["fields"]
    return str(fields.get("severity") or fields.get("level", "")).lower() in {"error", "bug"}


def _log(message: str) -> dict[str, Any]:
    return {"type": "log", "fields": {"level": "ERROR", "message": message}}


def _unreachable(lines: Sequence[Mapping[str, Any]]) -> bool:
    return any(
        line.get("type") == "log" and "advisory database" in str(line["fields"].get("message")) for line in lines
    )


def _broken(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    return [_sentence(line["fields"]) for line in lines if _is_error(line)]


def _sentence(fields: Mapping[str, Any]) -> str:
    """`serde 1.0.1: failed to satisfy license requirements (GPL-3.0: rejected…)`, as far as the report has it."""
    crate: Mapping[str, Any] = next((graph.get("Krate", {}) for graph in fields.get("graphs") or ()), {})
    name = f"{crate.get('name')} {crate.get('version')}: " if crate else ""
    labels = (
        f"{label.get('span', '').strip()}: {label['message']}"
        for label in fields.get("labels") or ()
        if label.get("message")
    )
    details = "; ".join(labels)
    return f"{name}{fields.get('message', '')}{f' ({details})' if details else ''}"
