"""Makes the set-up's own modules importable: they live beside its entry point, outside any package."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / ".ci"))
