"""One comment or issue that is updated in place: found by its marker, made where there is none, closed when done.

A marker counts only in what a bot or somebody of the repository wrote: a stranger's comment is never taken for ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import GitHubError
from pipeline.github.api import Api, UnsureError
from pipeline.github.text import body

LABEL = "crabwalk"
_OURS = {"OWNER", "MEMBER", "COLLABORATOR"}


@dataclass(frozen=True)
class Posted:
    """What became of it; `url` is None where there is nothing to look at."""

    did: str  # created, updated, unchanged, closed, nothing
    url: str | None


def comment(api: Api, number: int, mark: str, text: str) -> Posted:
    """Keep the pull request's comment; raises GitHubError."""
    path = f"issues/{number}/comments"
    return _kept(
        lambda: _marked(api.pages(path), mark),
        lambda said: api.post(path, {"body": said}),
        lambda one, said: api.patch(f"issues/comments/{one['id']}", {"body": said}),
        body(mark, text),
    )


def issue(api: Api, title: str, mark: str, text: str) -> Posted:
    """Keep an open issue with this text; with an empty one it is closed. Raises GitHubError."""

    def find() -> Mapping[str, Any] | None:
        listed = api.pages(f"issues?state=open&labels={LABEL}")
        return _marked((one for one in listed if "pull_request" not in one), mark)

    if not text.strip():
        found = find()
        if found is None:
            return Posted("nothing", None)
        api.patch(f"issues/{found['number']}", {"state": "closed", "state_reason": "completed"})
        return Posted("closed", found.get("html_url"))
    return _kept(
        find,
        lambda said: api.post("issues", {"title": title, "body": said, "labels": [LABEL]}),
        lambda one, said: api.patch(f"issues/{one['number']}", {"title": title, "body": said}),
        body(mark, text),
    )


def _kept(
    find: Callable[[], Mapping[str, Any] | None],
    make: Callable[[str], Any],
    change: Callable[[Mapping[str, Any], str], Any],
    said: str,
) -> Posted:
    """Change what is there, or make it; after a call whose end nobody knows it is looked for once more."""
    unsure: GitHubError | None = None
    for _ in range(2):
        found = find()
        if found is not None and _same(found.get("body"), said):
            return Posted("created" if unsure else "unchanged", found.get("html_url"))
        if found is not None:
            return Posted("updated", change(found, said).get("html_url"))
        try:
            return Posted("created", make(said).get("html_url"))
        except UnsureError as fault:
            unsure = fault
    assert unsure is not None  # noqa: S101
    raise unsure


def _same(there: Any, said: str) -> bool:
    """GitHub keeps a body without the blanks at its ends, and with line ends of its own."""
    return isinstance(there, str) and there.replace("\r\n", "\n").strip() == said.strip()


def _marked(items: Iterator[Any], mark: str) -> Mapping[str, Any] | None:
    for one in items:
        written = str(one.get("body") or "")
        ours = (one.get("user") or {}).get("type") == "Bot" or one.get("author_association") in _OURS
        if ours and written.startswith(mark):
            return dict(one)
    return None
