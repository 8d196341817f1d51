"""Where on GitHub a commit is, for those who read a report there; elsewhere there are no links. Light."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from pipeline.report.markdown.text import code

_COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")
_REPOSITORY = re.compile(r"https://[A-Za-z0-9.-]+(?::\d+)?/[A-Za-z0-9._-]+/[A-Za-z0-9._-]+\Z")


def commit_link(commit: str, environ: Mapping[str, str] = os.environ) -> str:
    """A commit as code, linked where GitHub says in which repository its workflow runs."""
    shown = code(commit[:12])
    address = f"{environ.get('GITHUB_SERVER_URL', '')}/{environ.get('GITHUB_REPOSITORY', '')}"
    if not _COMMIT.match(commit) or not _REPOSITORY.match(address):
        return shown
    return f"[{shown}]({address}/commit/{commit})"
