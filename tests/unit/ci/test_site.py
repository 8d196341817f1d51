"""The documentation's site: built without network and without a fault; a reader's browser fetches nothing of others."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import documentation
import pytest

ROOT = Path(__file__).parents[3]
FETCHED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\"'\s>]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    done = documentation.build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_there_and_fetches_nothing_of_others(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix("")
        made = site / ("index.html" if name.name == "index" else f"{name}/index.html")
        assert FETCHED.findall(made.read_text()) == [], name
    assert list(site.glob("terraform-modules/*/index.html"))
    for name in ("services-hello", "presets-gitlab", "presets-buildkite", "github-workflows"):
        assert (site / "files" / name / "index.html").is_file()


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    for part in ("docs", ".ci"):
        shutil.copytree(ROOT / part, tmp_path / part)
    for part in ("mkdocs.yml", "CHANGELOG.md"):
        shutil.copy(ROOT / part, tmp_path)
    with (tmp_path / "docs" / "many.md").open("a") as page:
        page.write("\n[a page](no-such-page.md), [a part](plan.md#no-such-part), [a file](../pipeline/quotas.py)\n")
    done = documentation.build(tmp_path, tmp_path / "site")
    assert done.returncode == 1
    for named in ("no-such-page.md", "no-such-part", "../pipeline/quotas.py"):
        assert any("'many.md'" in line and named in line for line in done.stderr.splitlines()), done.stderr


def test_it_is_built_again_when_something_of_it_changed(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "one.md"
    page.write_text("# One\n")
    files = documentation.sources(tmp_path)
    assert files == [page]
    first = documentation.key(tmp_path, files, "mkdocs 1")
    assert first == documentation.key(tmp_path, files, "mkdocs 1")
    assert first != documentation.key(tmp_path, files, "mkdocs 2")
    page.write_text("# Two\n")
    assert first != documentation.key(tmp_path, files, "mkdocs 1")
