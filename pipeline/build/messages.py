"""Reads cargo's output while it comes: progress and diagnostics for the view, and the words an error must say."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.build.view import Diagnostic, Progress, View
from pipeline.errors import BuildError

# Lines of cargo that only say what it is at.
_STATUS = re.compile(r" +(Compiling|Building|Downloading|Downloaded|Updating|Locking|Fresh|Finished) (.+)")


@dataclass
class Listener:
    """Fed with every line of a run. `units` are the steps of each package, where cargo's plan could be read."""

    view: View
    at: Progress
    units: Counter[str] = field(default_factory=Counter)
    services: Mapping[str, str] = field(default_factory=dict)  # by binary
    faults: list[Diagnostic] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)  # what the compiler made
    outputs: list[Path] = field(default_factory=list)  # what build scripts said
    _left: Counter[str] = field(default_factory=Counter)
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._left = self.units.copy()
        self.view.progress(self.at)

    def line(self, text: str) -> None:
        message = _message(text)
        if message is None:
            self._words(text)
        elif message.get("reason") == "compiler-message":
            self._diagnostic(message)
        elif message.get("reason") == "compiler-artifact":
            self.files.extend(map(Path, message.get("filenames", ())))
            self._unit_done(str(message.get("package_id", "")), message.get("target") or {})
        elif message.get("reason") == "build-script-executed":
            self.outputs.append(Path(str(message.get("out_dir", ""))).parent / "output")
            self._unit_done(str(message.get("package_id", "")), {})

    def quiet(self) -> None:
        """Nothing came for a while."""
        self.view.progress(self.at)

    def close(self) -> None:
        """Nothing more will come."""
        self._show(replace(self.at, over=True))

    def _words(self, text: str) -> None:
        self.plain.append(text)
        status = _STATUS.match(text)
        if status is None:
            self.view.line(text)
        elif status[1] == "Compiling":
            self._show(replace(self.at, doing=status[2].partition(" (")[0]))

    def _unit_done(self, package: str, target: Mapping[str, Any]) -> None:
        """A crate is done when nothing of it is left to do; without cargo's plan when the first thing of it is."""
        self._left[package] -= 1
        finished = self.at.finished
        if "bin" in target.get("kind", ()) and target.get("name") in self.services:
            finished = (*finished, self.services[target["name"]])
        if self._left[package] <= 0:
            self._seen.add(package)
        self._show(replace(self.at, done=len(self._seen), finished=finished))

    def _show(self, at: Progress) -> None:
        if at != self.at:
            self.at = at
            self.view.progress(at)

    def _diagnostic(self, message: Mapping[str, Any]) -> None:
        said = message["message"]
        rendered = str(said.get("rendered") or said.get("message", "")).rstrip()
        level = "error" if str(said.get("level", "")).startswith("error") else "warning"
        spans = [span for span in said.get("spans", ()) if span.get("is_primary")]
        span: Mapping[str, Any] = spans[0] if spans else {}
        diagnostic = Diagnostic(
            level,
            str(said.get("message", "")),
            rendered,
            _package(str(message.get("package_id", ""))),
            str(span.get("file_name", "")),
            int(span.get("line_start", 0)),
            int(span.get("column_start", 0)),
        )
        self.view.diagnostic(diagnostic)
        # rustc closes with `aborting due to …`, an error without a place that says nothing of its own.
        if level == "error" and not rendered.startswith("error: aborting due to"):
            self.faults.append(diagnostic)

    def error(self, code: int, services: Sequence[str], dependents: Mapping[str, Sequence[str]]) -> BuildError:
        """What failed, for which services: in short what the compiler said, in cargo's own words what cargo did."""
        packages = sorted({fault.package for fault in self.faults})
        if not packages:
            words = self._cargo_words() or f"cargo ended with exit code {code} and said nothing"
            hint = "run `cargo check`, then commit Cargo.lock" if "--locked" in words else None
            return BuildError(f"{_list(services)}: cargo failed\n{words}", hint=hint)
        whose = "; ".join(_whose(package, dependents.get(package, ()), services) for package in packages)
        # The view has shown all of it, so here it is only counted.
        first = next((fault for fault in self.faults if fault.where), self.faults[0])
        message = first.message.partition("\n")[0]
        count = len(self.faults)
        summary = message if count == 1 else f"{count} errors, the first: {message}"
        return BuildError(f"{whose}: does not compile: {summary}", where=first.where)

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
