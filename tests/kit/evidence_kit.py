"""One service's build as plain facts."""

from __future__ import annotations

from pipeline.build.record import Built, Source

SOURCE = Source("https://example.org/shop.git", "1a2b3c4d")
BUILT = Built(
    service="todos",
    package="todos",
    binary="todos",
    features=("fast",),
    architecture="arm64",
    triple="aarch64-unknown-linux-musl",
    inputs="dd" * 32,
    flags=("-Ctarget-cpu=neoverse-n1",),
    toolchain=("rustc 1.96.0", "zig 0.17"),
    lock_sha256="cc" * 32,
    zip_sha256="aa" * 32,
    zip_bytes=1000,
    binary_sha256="bb" * 32,
    binary_bytes=3000,
    build_id="0123",
    crates={"todos": 2000},
)
