"""A small workspace without dependencies for real builds: two binaries over one library."""

from __future__ import annotations

import json
import platform
import subprocess
import zipfile
from pathlib import Path

from build_kit import service, write

from pipeline.build import Artifact, BuildPlan, plan_build

MACHINE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
TARGET = f"{platform.machine()}-unknown-linux-musl"
WORKSPACE = '[workspace]\nresolver = "3"\nmembers = ["one", "two", "shared"]\n'
FILES = {
    # Without LTO over the standard library a build takes a tenth of the time.
    "Cargo.toml": WORKSPACE + '[profile.release]\nlto = false\npanic = "unwind"\n',
    "Cargo.lock": """
version = 4

[[package]]
name = "one"
version = "0.1.0"
dependencies = ["shared"]

[[package]]
name = "shared"
version = "0.1.0"

[[package]]
name = "two"
version = "0.1.0"
dependencies = ["shared"]
""",
    "shared/src/lib.rs": 'pub const WORDS: &str = "shared words";\n',
    "one/src/main.rs": 'fn main() {\n    println!("one: {}", shared::WORDS);\n}\n',
    "two/src/main.rs": 'fn main() {\n    println!("two: {}", shared::WORDS);\n}\n',
}
MANIFEST = '[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2024"\n'
DEPENDENCY = '[dependencies]\nshared = { path = "../shared" }\n'


def workspace(root: Path) -> Path:
    manifests = {f"{name}/Cargo.toml": MANIFEST.format(name=name) + DEPENDENCY for name in ("one", "two")}
    return write(root, {**FILES, **manifests, "shared/Cargo.toml": MANIFEST.format(name="shared")})


def plan(tree: Path, *names: str, compiler: str = "cargo-zigbuild", **changes: object) -> BuildPlan:
    services = [service(name, architecture=MACHINE, **changes) for name in names or ("one", "two")]
    return plan_build(tree, services, compiler=compiler)


def silent(_: str) -> None:
    """Hears nothing."""


def packed(artifact: Artifact) -> bytes:
    """The one file of a package."""
    with zipfile.ZipFile(artifact.path) as archive:
        (name,) = archive.namelist()
        return archive.read(name)


def says(artifact: Artifact, folder: Path) -> str:
    """What the packaged program prints."""
    program = folder / artifact.sha256
    program.write_bytes(packed(artifact))
    program.chmod(0o755)
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout.strip()


def vendored(folder: Path) -> Path:
    """A registry of one crate, as a folder that replaces crates.io."""
    source = '#[inline(never)]\npub fn shout(count: usize) {\n    assert!(count > 0, "nobody");\n}\n'
    crate = {"Cargo.toml": MANIFEST.format(name="loud"), "src/lib.rs": source}
    write(folder / "loud", {**crate, ".cargo-checksum.json": json.dumps({"files": {}})})
    return folder
