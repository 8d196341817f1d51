"""What mkdocs asks while it builds the site: pages made from the repository, and links as the site has them.

Runs inside mkdocs (`hooks` in mkdocs.yml). Reads the repository, writes nothing, asks no network.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from pages.links import CHANGELOG, FILES, MODULES, files_page, place_of, relinked, source_of

# Folders of which each that is found becomes a page, and which of its files it shows.
_SHOWN = {
    "services/*/": ("service.yaml", "Cargo.toml", "src/*.rs", "infra/*.tf", "events/*.json"),
    "presets/*/": ("*.yml",),
    ".github/*/": ("*.yml", "*/action.yml"),
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for every module, service, preset and the workflows, and the changelog."""
    root = _root(config)
    made = {f"{MODULES}/{readme.parent.name}.md": readme.read_text("utf-8") for readme in _readmes(root)}
    for folders, patterns in _SHOWN.items():
        for folder in sorted(root.glob(folders)):
            made |= _files(root, folder, patterns)
    for path, text in made.items():
        files.append(File.generated(config, path, content=text, inclusion=InclusionLevel.NOT_IN_NAV))
    files.append(File.generated(config, CHANGELOG, content=(root / "CHANGELOG.md").read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:  # noqa: ARG001
    """Turn the links between files of the repository into links between pages."""
    path = page.file.src_uri
    return markdown if path.startswith(f"{FILES}/") else relinked(markdown, source_of(path), path)


def _files(root: Path, folder: Path, patterns: Iterable[str]) -> dict[str, str]:
    """The page of a folder, by its path on the site; none where it has none of these files."""
    found = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    name = folder.relative_to(root).as_posix()
    page = place_of(name)
    if page is None or not found:
        return {}
    return {page: files_page(name, {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in found})}


def _root(config: MkDocsConfig) -> Path:
    return Path(config.config_file_path).parent


def _readmes(root: Path) -> list[Path]:
    return sorted(root.glob("modules/*/README.md"))
