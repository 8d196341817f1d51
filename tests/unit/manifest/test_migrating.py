"""The manifests that the pages on migration begin from are valid, as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import verb_kit

from pipeline.manifest import check_all

DOCS = Path(__file__).parents[3] / "docs"
PAGES = sorted(DOCS.glob("migrate-from-*.md"))
BLOCK = re.compile(r"^( *)```yaml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_manifest_of_a_page_is_valid(page: Path, tmp_path: Path) -> None:
    manifests = [re.sub(rf"(?m)^{indent}", "", text) for indent, text in BLOCK.findall(page.read_text())]
    assert manifests
    for number, manifest in enumerate(manifests):
        root = tmp_path / str(number)
        verb_kit.place(root, "shop", manifest)
        crate = root / "services" / "hello" / "Cargo.toml"
        crate.write_text(crate.read_text().replace("hello", "orders"))
        (root / "services" / "hello").rename(root / "services" / "orders")
        assert [service.name for service in check_all(root)[1]] == ["orders"]
