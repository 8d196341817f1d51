"""The text of a new service's files, from templates and the workspace's own habits. Pure but for reading templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pipeline.scaffold.kinds import CRATES, KINDS, TELEMETRY, Features, Kind
from pipeline.scaffold.workspace import SHARED, Workspace

TEMPLATES = Path(__file__).parent / "templates"

_TOKEN = re.compile(r"<<(\w+)>>")
# What a package takes from the workspace where that has it; else what stands here, if anything.
_PACKAGE = {
    "version": 'version = "0.1.0"',
    "edition": 'edition = "2024"',
    "rust-version": "",
    "license": "",
    "publish": "publish = false",
}


def render(name: str, kind: str, workspace: Workspace, schema: str | None) -> dict[str, str]:
    """Every file by its path below the service's folder; `schema` is the way to the manifest's schema, if any."""
    folder = TEMPLATES / kind
    chosen = KINDS[kind]
    tokens = {"name": name, **_telemetry(chosen, shared=workspace.shared)}
    header = f"# yaml-language-server: $schema={schema}\n" if schema else ""
    manifest = _fill(_read(folder / "service.yaml"), tokens)
    files = {
        "Cargo.toml": cargo_toml(name, _description(manifest), chosen, workspace),
        "service.yaml": header + manifest,
        "src/main.rs": _fill(_read(folder / "main.rs"), tokens),
    }
    if not workspace.shared:
        files["src/telemetry.rs"] = _own_telemetry(chosen)
    for event in sorted(folder.glob("*.json")):
        file = f"{name}.json" if event.stem == "event" else event.name
        files[f"events/{file}"] = _fill(_read(event), tokens)
    return files


def cargo_toml(name: str, description: str, kind: Kind, workspace: Workspace) -> str:
    """Keys and dependencies are inherited where the workspace declares them."""
    lines = ["[package]", f'name = "{name}"', f'description = "{description}"']
    for key, otherwise in _PACKAGE.items():
        line = f"{key}.workspace = true" if key in workspace.package else otherwise
        lines += [line] if line else []
    logs: Mapping[str, Features] = {SHARED: ()} if workspace.shared else TELEMETRY
    lines += ["", "[dependencies]", *_dependencies({**kind.crates, **logs}, workspace)]
    if kind.test_crates:
        lines += ["", "[dev-dependencies]", *_dependencies(kind.test_crates, workspace)]
    if workspace.lints:
        lines += ["", "[lints]", "workspace = true"]
    return "\n".join(lines) + "\n"


def _dependencies(crates: Mapping[str, Features], workspace: Workspace) -> list[str]:
    return [_dependency(name, crates[name], workspace) for name in sorted(crates)]


def _dependency(name: str, features: Features, workspace: Workspace) -> str:
    if name in workspace.dependencies:
        missing = [feature for feature in features if feature not in workspace.dependencies[name]]
        return f"{name} = {{ workspace = true, {_listed(missing)} }}" if missing else f"{name}.workspace = true"
    crate = CRATES[name]
    options = [] if crate.default_features else ["default-features = false"]
    options += [_listed(features)] if features else []
    version = f'"{crate.version}"'
    return f"{name} = {{ {', '.join((f'version = {version}', *options))} }}" if options else f"{name} = {version}"


def _listed(features: Features | list[str]) -> str:
    return "features = [" + ", ".join(f'"{feature}"' for feature in features) + "]"


def _telemetry(kind: Kind, *, shared: bool) -> dict[str, str]:
    """How the code logs and counts: by the workspace's rust_shared, or by a module of its own."""
    if shared:
        return {"module": "", "telemetry": f"{SHARED}::telemetry", "serve": f"{SHARED}::http::run"}
    serve = "telemetry::init();\n    telemetry::serve" if kind.http else ""
    return {"module": "mod telemetry;\n\n", "telemetry": "telemetry", "serve": serve}


def _own_telemetry(kind: Kind) -> str:
    """The module in place of rust_shared: log lines, and metrics where Lambda takes a failure for a success."""
    counts = ("outcomes.rs",) if kind.http or kind.batch else ()
    serves = ("serve.rs",) if kind.http else ()
    text = "".join(_read(TEMPLATES / part) for part in ("telemetry.rs", *counts, *serves))
    return _fill(text, {"runtime": "lambda_http" if kind.http else "lambda_runtime"})


def _description(manifest: str) -> str:
    return next(line for line in manifest.splitlines() if line.startswith("description: ")).partition(": ")[2]


def _read(path: Path) -> str:
    return path.read_text("utf-8")


def _fill(template: str, tokens: Mapping[str, str]) -> str:
    return _TOKEN.sub(lambda token: tokens[token[1]], template)
