"""The zip: one executable entry, and nothing of the place, time or machine it was made on."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipeline.build.package import pack


def entry(data: bytes) -> zipfile.ZipInfo:
    (only,) = zipfile.ZipFile(io.BytesIO(data)).infolist()
    return only


def test_the_one_entry_is_an_executable_bootstrap() -> None:
    packed = pack(b"binary" * 1000)
    only = entry(packed)
    assert only.filename == "bootstrap"
    assert only.date_time == (1980, 1, 1, 0, 0, 0)
    assert only.create_system == 3
    assert only.external_attr >> 16 == 0o100755
    assert only.compress_type == zipfile.ZIP_DEFLATED
    assert zipfile.ZipFile(io.BytesIO(packed)).read("bootstrap") == b"binary" * 1000
    assert len(packed) < 500


def test_an_extension_lies_where_lambda_looks_for_it_in_a_layer() -> None:
    assert entry(pack(b"binary", "extensions/telemetry")).filename == "extensions/telemetry"


@given(st.binary(max_size=5000))
def test_what_was_packed_comes_out(binary: bytes) -> None:
    archive = zipfile.ZipFile(io.BytesIO(pack(binary)))
    assert archive.testzip() is None
    assert archive.read("bootstrap") == binary


def test_the_bytes_are_those_of_every_other_machine() -> None:
    """Text, zeros and noise. The digest came from x86_64, and was compared with aarch64, riscv64 and s390x."""
    noise = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(20_000))
    words = b" ".join(str(number * number).encode() for number in range(50_000))
    packed = pack(words + bytes(100_000) + noise + words)
    assert hashlib.sha256(packed).hexdigest() == "edb9451abe59ffb024c8216f4a1fda60ab0c1eb65105c81705d0c33f81dfd6d0"


def test_another_process_in_another_folder_makes_the_same_bytes(tmp_path: Path) -> None:
    binary = Path(sys.executable).read_bytes()[:200_000]
    (tmp_path / "binary").write_bytes(binary)
    code = (
        "import sys; from pipeline.build.package import pack; sys.stdout.buffer.write(pack(open('binary','rb').read()))"
    )
    env = {**os.environ, "TZ": "Asia/Tokyo", "SOURCE_DATE_EPOCH": "1700000000", "PYTHONHASHSEED": "7"}
    script = f"import os; os.umask(0o077); {code}"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, check=True)
    assert done.stdout == pack(binary)
