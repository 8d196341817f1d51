"""Does what a manifest names exist: package, binary, features, inputs, event files. Reads files, never runs cargo."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import Problem
from pipeline.manifest.models import Manifest
from pipeline.manifest.node import Mark, Node, nearest
from pipeline.manifest.places import Finding
from pipeline.manifest.repair import Judged
from pipeline.manifest.sources import check_inputs, parsed
from pipeline.quotas import SYNC_BYTES
from pipeline.workspace.cargo import table as _table


def check_package(root: Path, directory: Path, judged: Judged, manifest: Manifest, problems: list[Problem]) -> None:
    """Adds what the manifest names and the service's folder does not have."""
    node = judged.node
    _check_events(root, directory, node, manifest, problems)
    _check_hooks(directory, node, manifest, problems)
    check_inputs(root, node, manifest, problems)
    crate = _crate(root, directory, _mark(node, "package", "name"), problems)
    if crate is None:
        return
    name = str(_table(crate, "package").get("name", ""))
    right = name == manifest.package or judged.unsure(("package",))
    if not right:
        what = f"package: {_label(root, directory)} declares the package `{name}`, not `{manifest.package}`"
        problems.append(_mark(node, "package", "name").problem(what, f"write `package: {name}`"))
    written = "binary" in manifest.model_fields_set
    if (written or (right and not judged.unsure(("binary",)))) and manifest.binary not in _binaries(
        crate, directory, name
    ):
        what = f"binary: the package `{name}` has no binary `{manifest.binary}`"
        near = nearest(manifest.binary, set(_binaries(crate, directory, name)))
        problems.append(_mark(node, "binary", "package", "name").problem(what, near))
    _check_features(crate, name, node, manifest, problems)


def _check_features(
    crate: Mapping[str, Any], name: str, node: Node, manifest: Manifest, problems: list[Problem]
) -> None:
    """`FEATURE` of the package, or `DEPENDENCY/FEATURE`, whose second half only cargo knows."""
    written = (node.mapping or {}).get("features")
    features, dependencies = _features(crate), _dependencies(crate)
    for item in (written.items or ()) if written is not None else ():
        if item.text not in manifest.features:
            continue
        feature, _, inner = item.text.removeprefix(f"{name}/").partition("/")
        if inner and feature not in dependencies:
            what = f"features: the package `{name}` has no dependency `{feature}`"
            problems.append(item.mark.problem(what, nearest(feature, dependencies)))
        elif not inner and feature not in features:
            what = f"features: the package `{name}` has no feature `{feature}`"
            problems.append(item.mark.problem(what, nearest(feature, features)))


def _mark(node: Node, *keys: str) -> Mark:
    """Where the first of these keys that is written has its value."""
    fields = node.mapping or {}
    return next((fields[key].mark for key in keys if key in fields), node.mark)


def _check_events(root: Path, directory: Path, node: Node, manifest: Manifest, problems: list[Problem]) -> None:
    """The files of smoke checks and probes."""
    release = manifest.release
    sound = {one.event for one in release.smoke}
    for item in _listed(node, "release", "smoke"):
        written = (item.mapping or {}).get("event") if item.mapping is not None else item
        if written is not None and written.text in sound:
            _check_file(root, directory, written, "release.smoke", problems)
    for item in _listed(node, "release", "probe", "events"):
        if release.probe is not None and item.text in release.probe.events:
            _check_file(root, directory, item, "release.probe.events", problems)


def _check_file(root: Path, directory: Path, item: Node, key: str, problems: list[Problem]) -> None:
    file = directory / item.text
    if not file.is_file() or not file.resolve().is_relative_to(directory.resolve()):
        what = f"{key}: the service's folder has no file `{item.text}`"
        events = {path.relative_to(directory).as_posix() for path in directory.glob("events/*.json")} - {item.text}
        problems.append(item.mark.problem(what, nearest(item.text, events)))
    elif file.stat().st_size > SYNC_BYTES:
        what = f"{key}: `{item.text}` is larger than the 6 MB that Lambda takes"
        problems.append(item.mark.problem(what, "send less"))
    else:
        _check_event(file, file.relative_to(root).as_posix(), problems)


def unsafe_probes(directory: Path, manifest: Manifest) -> Iterator[Finding]:
    """Probes that look as if they change something: they are sent again and again."""
    probe = manifest.release.probe
    for index, name in enumerate(probe.events if probe is not None else ()):
        path = ("release", "probe", "events", index)
        try:
            event = json.loads((directory / name).read_bytes())
        except (OSError, ValueError, RecursionError):
            continue  # said already
        verb = method(event)
        if verb not in {"", "GET", "HEAD", "OPTIONS"}:
            what = f"`{name}` is a {verb}, and a probe is sent again and again"
            yield Finding(path, what, "send what changes nothing, for example a GET", warning=True)
        elif isinstance(event, dict) and "Records" in event:
            what = f"`{name}` is taken for real records, and a probe is sent again and again"
            yield Finding(path, what, "be sure that the service changes nothing for it", warning=True)


def method(event: Any) -> str:
    """The method of an HTTP event of either format, empty for any other."""
    context = event.get("requestContext") if isinstance(event, dict) else None
    http = context.get("http") if isinstance(context, dict) else None
    verb = http.get("method") if isinstance(http, dict) else event.get("httpMethod") if context else None
    return verb.upper() if isinstance(verb, str) else ""


def _check_hooks(directory: Path, node: Node, manifest: Manifest, problems: list[Problem]) -> None:
    """Commands that are files of the service; any other is looked for on the machine that runs it."""
    hooks = manifest.release.hooks
    sound = {one.command[0] for one in (*hooks.before, *hooks.after) if one.command}
    for when in ("before", "after"):
        for item in _listed(node, "release", "hooks", when):
            words = _listed(item, "command")
            if not words or words[0].text not in sound or not words[0].text.startswith("./"):
                continue
            program, key = directory / words[0].text, f"release.hooks.{when}"
            if not program.is_file():
                what = f"{key}: the service's folder has no file `{words[0].text}`"
                problems.append(words[0].mark.problem(what))
            elif not os.access(program, os.X_OK):
                what = f"{key}: `{words[0].text}` cannot be executed"
                problems.append(words[0].mark.problem(what, f"chmod +x {words[0].text}"))


def _listed(node: Node, *keys: str) -> tuple[Node, ...]:
    """The items of the list at these keys, none where it is not written."""
    for key in keys:
        inner = (node.mapping or {}).get(key)
        if inner is None:
            return ()
        node = inner
    return node.items or ()


def _check_event(file: Path, label: str, problems: list[Problem]) -> None:
    """Lambda takes JSON only, so anything else would fail in the middle of a release."""
    try:
        json.loads(file.read_bytes())
    except json.JSONDecodeError as error:
        problems.append(Mark(label, error.lineno, error.colno).problem(f"not JSON: {error.msg}"))
    except (ValueError, RecursionError):
        problems.append(Mark(label, 1, 1).problem("not JSON that can be read"))
    except OSError as error:
        problems.append(Mark(label, 1, 1).problem(f"cannot be read: {error.strerror}"))


def _crate(root: Path, directory: Path, mark: Mark, problems: list[Problem]) -> Mapping[str, Any] | None:
    try:
        crate = parsed((directory / "Cargo.toml").read_bytes())
    except FileNotFoundError:
        what = f"package: there is no {_label(root, directory)}"
        problems.append(mark.problem(what, "a manifest lies beside its crate's Cargo.toml"))
    except (OSError, ValueError, RecursionError) as error:
        problems.append(Mark(_label(root, directory), 1, 1).problem(f"cannot be read as TOML: {error}"))
    else:
        if isinstance(_table(crate, "package").get("name"), str):
            return crate
        problems.append(mark.problem(f"package: {_label(root, directory)} declares no package"))
    return None


def _label(root: Path, directory: Path) -> str:
    return (directory / "Cargo.toml").relative_to(root).as_posix()


def _binaries(crate: Mapping[str, Any], directory: Path, name: str) -> Iterator[str]:
    """Cargo's binaries, the usual one first."""
    source = directory / "src"
    found = _table(crate, "package").get("autobins", True)
    if found and (source / "main.rs").is_file():
        yield name
    declared = crate.get("bin")
    for entry in declared if isinstance(declared, list) else ():
        if isinstance(entry, dict):
            yield str(entry.get("name", name))
    if found:
        yield from (path.stem for path in (source / "bin").glob("*.rs"))
        yield from (path.parent.name for path in (source / "bin").glob("*/main.rs"))


def _features(crate: Mapping[str, Any]) -> set[str]:
    return {"default", *_table(crate, "features"), *_dependencies(crate, optional=True)}


def _dependencies(crate: Mapping[str, Any], *, optional: bool = False) -> set[str]:
    """The dependencies by the names the package gives them; `optional`: only those, which are features too."""
    tables = [crate, *(table for table in _table(crate, "target").values() if isinstance(table, dict))]
    return {
        name
        for table in tables
        for name, spec in _table(table, "dependencies").items()
        if not optional or (isinstance(spec, dict) and spec.get("optional"))
    }
