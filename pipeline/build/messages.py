"""Reads cargo's JSON messages: what to show while it works, and the compiler's own words when it fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import BuildError


@dataclass(frozen=True)
class Fault:
    """One error of the compiler."""

    package: str
    rendered: str
    where: str | None


@dataclass
class Listener:
    """Fed with every line of a run; passes on what a person reads, keeps what an error must say."""

    on_line: Callable[[str], None]
    faults: list[Fault] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)

    def line(self, text: str) -> None:
        message = _message(text)
        if message is None:
            self.plain.append(text)
            self.on_line(text)
        elif message.get("reason") == "compiler-message":
            self._diagnostic(message)

    def _diagnostic(self, message: Mapping[str, Any]) -> None:
        diagnostic = message["message"]
        rendered = str(diagnostic.get("rendered") or diagnostic.get("message", "")).rstrip()
        for line in rendered.splitlines():
            self.on_line(line)
        # rustc closes with `aborting due to …`, an error without a place that says nothing of its own.
        if diagnostic.get("level", "").startswith("error") and not rendered.startswith("error: aborting due to"):
            spans = [span for span in diagnostic.get("spans", ()) if span.get("is_primary")]
            where = f"{spans[0]['file_name']}:{spans[0]['line_start']}:{spans[0]['column_start']}" if spans else None
            self.faults.append(Fault(_package(str(message.get("package_id", ""))), rendered, where))

    def error(self, code: int, services: Sequence[str], dependents: Mapping[str, Sequence[str]]) -> BuildError:
        """What failed, for which services, in the compiler's or cargo's own words."""
        packages = sorted({fault.package for fault in self.faults})
        if not packages:
            words = self._cargo_words() or f"cargo ended with exit code {code} and said nothing"
            hint = "run `cargo check`, then commit Cargo.lock" if "--locked" in words else None
            return BuildError(f"{_list(services)}: cargo failed\n{words}", hint=hint)
        whose = "; ".join(_whose(package, dependents.get(package, ()), services) for package in packages)
        words = "\n\n".join(fault.rendered for fault in self.faults)
        where = next((fault.where for fault in self.faults if fault.where), None)
        return BuildError(f"{whose}: does not compile\n{words}", where=where)

    def _cargo_words(self) -> str:
        """From cargo's first error on; everything it said when no line is marked as one."""
        first = next((index for index, line in enumerate(self.plain) if line.lstrip().startswith("error")), 0)
        return "\n".join(self.plain[first:]).strip()


def _message(text: str) -> Mapping[str, Any] | None:
    if not text.startswith('{"reason":'):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _package(identifier: str) -> str:
    """The name in a package id: `path+file:///…/hello#0.1.0`, `…#hello@0.1.0`, `registry+…#serde@1.0.1`."""
    place, _, name = identifier.partition("#")
    return name.partition("@")[0] if "@" in name else place.rstrip("/").rpartition("/")[2]


def _whose(package: str, dependents: Sequence[str], services: Sequence[str]) -> str:
    """The service itself, or whom a faulty package keeps from being built."""
    if list(dependents) == [package]:
        return package
    if dependents:
        return f"{package} (needed by {_list(dependents)})" if package not in dependents else _list(dependents)
    return f"the crate {package} (while building {_list(services)})"


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
