"""The deterministic zip of a 30 MB ELF beside zipfile, `zip -6` and cargo-lambda's own, interleaved, on one binary.

The binary is compiled here and carries 30 MB of real machine code: the beginning of cargo-lambda's own executable.
cargo-lambda packs only what it builds, so its figure is a build with nothing to compile that ends in a zip, less the
same build that ends in a binary. Target: at most half of zipfile's time at 1.03 of its size.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from pipeline.build import toolchain
from pipeline.build.package import pack

RUNS = 7
BYTES = 30_000_000
MANIFEST = (
    '[workspace]\n[package]\nname = "big"\nversion = "0.1.0"\nedition = "2024"\n[profile.release]\nstrip = true\n'
)
SOURCE = """static CODE: &[u8] = include_bytes!("code");
fn main() {
    let index = std::env::args().count();
    println!("{}", std::hint::black_box(CODE)[index]);
}
"""


def project(folder: Path) -> Path:
    """A package whose binary is large."""
    (folder / "src").mkdir()
    (folder / "Cargo.toml").write_text(MANIFEST)
    (folder / "src/main.rs").write_text(SOURCE)
    (folder / "src/code").write_bytes((toolchain.scripts() / "cargo-lambda").read_bytes()[:BYTES])
    return folder


def cargo_lambda(folder: Path, output: str) -> Path:
    """Builds, which compiles only the first time, and returns what it left."""
    compiler = next(toolchain.probe())
    paths = (str(toolchain.scripts()), str(compiler.directory), os.environ.get("PATH", ""))
    triple = f"{platform.machine()}-unknown-linux-gnu"
    fixed = ("--release", "--compiler", "cargo", "--skip-target-check", "--target", triple, "--lambda-dir", "out")
    subprocess.run(
        (toolchain.scripts() / "cargo-lambda", "lambda", "build", *fixed, "--output-format", output),
        cwd=folder,
        env={**os.environ, "PATH": os.pathsep.join(paths), "CARGO_TARGET_DIR": str(folder / "target")},
        check=True,
        capture_output=True,
    )
    return folder / "out/big" / ("bootstrap" if output == "binary" else "bootstrap.zip")


def with_zipfile(binary: bytes, out: Path) -> None:
    """Python's own, level 6."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.writestr("bootstrap", binary)


def infozip(path: Path, out: Path) -> None:
    """Info-ZIP's, level 6; anew, since it would update a file that is there."""
    out.unlink(missing_ok=True)
    subprocess.run(("zip", "-q", "-6", "-j", out, path), check=True)


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(folder: Path) -> None:
    """Print medians, sizes and ratios to zipfile."""
    path = cargo_lambda(folder, "binary")
    binary = path.read_bytes()
    ours, pythons, infos = folder / "ours.zip", folder / "python.zip", folder / "info.zip"
    works: dict[str, Callable[[], object]] = {
        "crabwalk": lambda: ours.write_bytes(pack(binary)),
        "zipfile level 6": lambda: with_zipfile(binary, pythons),
        "cargo lambda, binary": lambda: cargo_lambda(folder, "binary"),
        "cargo lambda, zip": lambda: cargo_lambda(folder, "zip"),
    }
    if shutil.which("zip"):
        works["zip -6"] = lambda: infozip(path, infos)
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(RUNS):
        for name, work in works.items():
            taken[name].append(seconds(work))
    times = {name: statistics.median(values[1:]) for name, values in taken.items()}
    times["cargo lambda's zip"] = times.pop("cargo lambda, zip") - times.pop("cargo lambda, binary")
    files = {"crabwalk": ours, "zipfile level 6": pythons, "zip -6": infos}
    files["cargo lambda's zip"] = cargo_lambda(folder, "zip")
    print(f"a binary of {len(binary):,} bytes, {platform.machine()}, Python {sys.version.split()[0]}")
    for name, median in times.items():
        size = files[name].stat().st_size
        ratios = f"time x{median / times['zipfile level 6']:.2f}  size x{size / pythons.stat().st_size:.3f}"
        print(f"{name:20}{median:7.3f} s  {size:12,} bytes  {ratios}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        measure(project(Path(name)))
