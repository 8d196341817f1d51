"""The zip: one executable entry, and nothing of the place or time it was made."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

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
