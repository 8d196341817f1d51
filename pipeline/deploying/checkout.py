"""Whether a checkout can be deployed from: whole, unedited, unmoved, and not older than what is released. Asks git."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.errors import ConflictError, UsageError

if TYPE_CHECKING:
    from pipeline.deploying.setting import Setting
    from pipeline.manifest.environments import Environment
    from pipeline.release.ledger.records import ServiceRecord
    from pipeline.workspace.git import Repository


def check_checkout(repo: Repository, env: Environment) -> str | None:
    """Refuse a checkout that cannot tell what a commit asks for; returns a warning where `local` lets it pass.

    Raises UsageError for a shallow clone or uncommitted changes outside `local`.
    """
    dirty = repo.dirty()
    if env.embedded:
        return f"uncommitted changes are built in: {_few(dirty)}" if dirty else None
    if repo.shallow:
        raise UsageError(
            "this is a shallow clone: which services a commit affects cannot be told",
            where=str(repo.root),
            hint="git fetch --unshallow (in GitHub Actions: `fetch-depth: 0` for actions/checkout)",
        )
    if dirty:
        raise UsageError(
            f"there are uncommitted changes: {_few(dirty)}",
            where=str(repo.root),
            hint="commit or stash them; a release is what a commit says",
        )
    return None


def check_unmoved(setting: Setting) -> None:
    """What was built is the commit that is released: nobody committed, checked out or edited meanwhile.

    Raises ConflictError when the checkout moved, UsageError for uncommitted changes outside `local`.
    """
    from pipeline.workspace.git import Repository

    with Repository.open(setting.project.root) as repo:
        if repo.head != setting.commit:
            raise ConflictError(
                f"the checkout moved from {setting.commit[:12]} to {repo.head[:12]} while this deploy ran",
                where=str(repo.root),
                hint="deploy again; nothing was released",
            )
        check_checkout(repo, setting.env)


def check_order(repo: Repository, record: ServiceRecord) -> None:
    """Only the recorded commit or one that follows it may be deployed; ConflictError for another.

    A commit this clone does not have is newer than the clone, or history was rewritten: only a person can tell.
    """
    promoted = record.promoted
    if promoted is None or promoted.commit == repo.head:
        return
    if not repo.has_commit(promoted.commit):
        raise ConflictError(
            f"`{record.service}` is at {promoted.commit[:12]}, which this clone does not have",
            where=str(repo.root),
            hint="git fetch; if that commit is gone for good, name what to compare with: --base COMMIT",
        )
    if not repo.is_ancestor(promoted.commit, repo.head):
        raise ConflictError(
            f"`{record.service}` is already at {promoted.commit[:12]}, which {repo.head[:12]} does not contain",
            hint="deploy a commit that follows it; to go back, use `crabwalk rollback`",
        )


def _few(paths: Sequence[str]) -> str:
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
