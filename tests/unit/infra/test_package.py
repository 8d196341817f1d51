from __future__ import annotations

import subprocess
import sys


def test_rendering_loads_neither_the_driver_nor_aws() -> None:
    code = "import sys, pipeline.infra; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )
    assert "pipeline.infra.render" in loaded
    heavy = {"python_terraform", "botocore", "boto3", "pydantic", "pipeline.infra.terraform"}
    assert not loaded & heavy
