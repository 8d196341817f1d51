"""Where a page of the repository stands on the site, and what its links become there. Pure: no file is read.

On GitHub a page links to what lies beside it in the repository (`../modules/pipe/README.md`, `../services/hello`). The
site has docs/ and, made from the repository, a page a module, a page for the files of each service, each preset and
the workflows, and the changelog; links to anything else are faults.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

MODULES, FILES, CHANGELOG = "terraform-modules", "files", "changelog.md"
_PAGES = {"CHANGELOG.md": CHANGELOG, "modules": "modules.md", "services": "services.md"}
# An inline link's target; what has a scheme, is absolute or stays on the page is left alone.
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|/|#)(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?(?=\))")


def place_of(path: str) -> str | None:
    """The site's page or file for a path of the repository; None where the site has none."""
    if path in _PAGES:
        return _PAGES[path]
    match path.split("/"):
        case ["docs", *rest] if rest:
            return "/".join(rest)
        case ["modules", name] | ["modules", name, "README.md"]:
            return f"{MODULES}/{name}.md"
        case ["services" | "presets" | ".github" as top, name, *_]:
            return f"{FILES}/{top.removeprefix('.')}-{name}.md"
        case _:
            return None


def relinked(markdown: str, source: str, page: str) -> str:
    """The text of a page as it stands on the site.

    `source`: the path in the repository that its links start from; `page`: its path on the site. A link to what the
    site has not is left as it is, so that the strict build names it.
    """

    def link(found: re.Match[str]) -> str:
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(source), found["path"]))
        there = place_of(meant)
        if there is None:
            return found[0]
        return posixpath.relpath(there, posixpath.dirname(page) or ".") + (found["anchor"] or "")

    return _LINK.sub(link, markdown)


def source_of(page: str) -> str:
    """The path in the repository that the links of a page start from."""
    if page == CHANGELOG:
        return "CHANGELOG.md"
    folder, _, name = page.partition("/")
    return f"modules/{name.removesuffix('.md')}/README.md" if folder == MODULES else f"docs/{page}"


def files_page(folder: str, files: Mapping[str, str]) -> str:
    """The page of a folder of the repository: its files by their paths below it."""
    said = [f"# {folder}", "", f"What lies in `{folder}` of the repository, as crabwalk's own tests use it.", ""]
    for path, text in files.items():
        language = {"yaml": "yaml", "yml": "yaml", "rs": "rust", "toml": "toml", "json": "json", "tf": "terraform"}
        fence = language.get(path.rpartition(".")[2], "text")
        said += [f"## {path}", "", f"````{fence}", text.rstrip("\n"), "````", ""]
    return "\n".join(said)
