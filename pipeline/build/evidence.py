"""The evidence of a package for one commit: who built what from which commit, beside what its inputs decide.

`evidence/INPUTS/` of the store has the facts, the bill of materials and the symbols; a folder in it per commit has its
record and provenance.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pipeline.build import provenance, record
from pipeline.build.model import Artifact
from pipeline.build.record import Source, without_credentials
from pipeline.build.store import Store
from pipeline.build.tools import asked

_SECONDS = 30


def source(root: Path) -> Source:
    """The commit of the work tree, as git says it; nothing outside of a repository or without git."""
    asked = (
        ("rev-parse", "--verify", "--quiet", "HEAD"),
        ("status", "--porcelain", "--untracked-files=normal"),
        ("config", "--get", "remote.origin.url"),
    )
    with ThreadPoolExecutor(len(asked)) as pool:
        commit, changed, remote = pool.map(lambda words: _git(root, words), asked)
    return Source(without_credentials(remote), commit, dirty=bool(commit and changed))


def told(store: Store, artifact: Artifact, of: Source) -> Artifact:
    """The artifact with the folder of this commit's statements, written where they are missing.

    What is reused was not built by this run, so nobody's name stands for it; an earlier statement is left as it is.
    """
    folder = store.evidence(artifact.inputs)
    built = record.kept(folder)
    if built is None:
        return artifact
    made = provenance.folder_of(folder, of)
    if not (artifact.reused and (made / "record.json").is_file()):
        provenance.state(folder, built, of, {} if artifact.reused else os.environ)
    return replace(artifact, evidence=made)


def _git(root: Path, words: Sequence[str]) -> str:
    done = asked(("git", "-C", str(root), *words), seconds=_SECONDS)
    return done.stdout.strip() if done is not None and done.returncode == 0 else ""
