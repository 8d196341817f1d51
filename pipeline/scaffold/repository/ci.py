"""Which of the files that crabwalk carries a CI system reads, and where it wants them. Reads them; writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SYSTEMS = ("github", "gitlab", "buildkite", "none")
NAMES: Mapping[str, str] = {"github": "GitHub", "gitlab": "GitLab", "buildkite": "Buildkite"}

# Of each system: where the files are carried, and the folder they go to in a repository.
_PLACES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "github": ((".github/workflows", ".github/workflows"), (".github/actions", ".github/actions")),
    "gitlab": (("presets/gitlab", "."),),
    "buildkite": (("presets/buildkite", ".buildkite"),),
    "none": (),
}
# Where a system looks for its pipeline, whatever the preset is called.
_MAIN: Mapping[str, str] = {"gitlab": ".gitlab-ci.yml", "buildkite": ".buildkite/pipeline.yml"}
# crabwalk's own: the tests of the tool.
_OWN = frozenset({".github/workflows/ci.yml"})


def files(source: Path, system: str) -> dict[str, str]:
    """The files for `system` by their paths in the new repository."""
    found: dict[str, str] = {}
    for place, to in _PLACES[system]:
        for path in sorted((source / place).rglob("*")):
            if path.is_file() and path.relative_to(source).as_posix() not in _OWN:
                found[(Path(to) / path.relative_to(source / place)).as_posix()] = path.read_text("utf-8")
    if system in _MAIN and len(found) == 1:
        return dict(zip((_MAIN[system],), found.values(), strict=True))
    return found
