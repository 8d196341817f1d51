"""For the build's tests: a small workspace (three services over one library, a tool), services, toolchains."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from pipeline.build.model import CargoRun, Compiler, Target, Toolchain, wanted
from pipeline.build.targets import Platform

FILES = {
    "Cargo.toml": """
        [workspace]
        members = ["services/*", "shared", "tool"]
        [workspace.dependencies]
        shared = { path = "shared" }
    """,
    "Cargo.lock": "version = 4\n",
    "shared/Cargo.toml": '[package]\nname = "shared"\n[features]\naws = []\n',
    "shared/src/lib.rs": "pub fn shared() {}\n",
    "services/one/Cargo.toml": '[package]\nname = "one"\n[dependencies]\nshared.workspace = true\n',
    "services/one/src/main.rs": "fn main() {}\n",
    "services/one/service.yaml": "crabwalk: 1\n",
    "services/one/events/one.json": "{}\n",
    "services/two/Cargo.toml": '[package]\nname = "two"\n[dependencies]\nshared = { path = "../../shared" }\n',
    "services/two/src/main.rs": "fn main() {}\n",
    "services/big/Cargo.toml": """
        [package]
        name = "big"
        [dependencies]
        shared = { workspace = true, features = ["aws"] }
    """,
    "services/big/src/main.rs": "fn main() {}\n",
    "tool/Cargo.toml": '[package]\nname = "tool"\n[dev-dependencies]\nshared.workspace = true\n',
    "tool/src/bin/tool.rs": "fn main() {}\n",
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def service(name: str, **changes: object) -> SimpleNamespace:
    values = {
        "name": name,
        "kind": "function",
        "package": name,
        "binary": name,
        "features": (),
        "architecture": "arm64",
        "target": "musl",
        "runtime": "provided.al2023",
        "inputs": (),
        "budget": SimpleNamespace(warn_bytes=10_000_000, fail_bytes=50_000_000),
        **changes,
    }
    return SimpleNamespace(**values)


def compiler(directory: str = "/opt/rust/bin", **changes: object) -> Compiler:
    values = {"verbose": "rustc 1.90.0", "targets": frozenset(), "source": False, "rustup": None, **changes}
    return Compiler(Path(directory), sysroot=Path("/opt/rust"), **values)


def toolchain(triple: str, std: str = "installed", **changes: object) -> Toolchain:
    return Toolchain(compiler(**changes), triple, std, "cargo-lambda 1.9.2\nzig 0.17.1")


ARM = Platform("arm64")


def cargo_run(platform: Platform = ARM, std: str = "installed", linking: str = "cargo-zigbuild") -> CargoRun:
    """One run for `hello`, which is selected with `health`."""
    chosen = replace(toolchain(platform.triple, std), linking=linking)
    wish = wanted(service("hello", architecture=platform.architecture))
    target = Target(replace(wish, platform=platform), "0" * 64)
    return CargoRun(chosen, platform, ("health", "hello"), (), ("-Cflag",), (target,), ("hello", "rust_shared"))
