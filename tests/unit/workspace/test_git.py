from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.workspace.git import Change, Repository


def test_knows_root_head_and_subject(clone) -> None:
    head = clone.git("rev-parse", "HEAD")
    repository = Repository.open(clone.root / "services" / "hello")
    with repository:
        assert (repository.root, repository.head, repository.shallow) == (clone.root.resolve(), head, False)
        assert repository.subject(head) == "first"
        assert repository.resolve("main") == head


def test_no_repository_a_bare_one_and_one_without_commits_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not in a git repository"):
        Repository.open(tmp_path)
    with pytest.raises(UsageError, match="is not in a git repository"):
        Repository.open(tmp_path / "absent")
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "bare"], check=True)
    with pytest.raises(UsageError, match="is a bare git repository"):
        Repository.open(tmp_path / "bare")
    subprocess.run(["git", "init", "-q", tmp_path / "empty"], check=True)
    with pytest.raises(UsageError, match="has no commit yet"):
        Repository.open(tmp_path / "empty")


def test_git_missing_from_path_is_a_usage_error(clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="git is not on PATH"):
        Repository.open(clone.root)


def test_a_repository_of_another_user_names_the_command(clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(UsageError, match="it belongs to another user") as caught:
        Repository.open(clone.root)
    assert caught.value.hint == f"git config --global --add safe.directory {clone.root.resolve()}"


def test_ancestry(clone) -> None:
    first = clone.git("rev-parse", "HEAD")
    second = clone.commit("second")
    clone.git("checkout", "-q", "-b", "side", first)
    side = clone.commit("side")
    repository = clone.open()
    assert repository.is_ancestor(first, second)
    assert repository.is_ancestor(second, second)
    assert not repository.is_ancestor(second, side)
    assert repository.merge_base(second, side) == first
    clone.git("checkout", "-q", "--orphan", "other")
    assert repository.merge_base(clone.commit("other"), first) is None
    with pytest.raises(UsageError):
        repository.is_ancestor("0" * 40, second)


def test_commits_that_are_not_there(clone) -> None:
    repository = clone.open()
    assert repository.has_commit(repository.head)
    assert not repository.has_commit("0" * 40)
    assert not repository.has_commit("main")
    assert not repository.has_commit(clone.git("rev-parse", "HEAD^{tree}"))
    with pytest.raises(UsageError, match="no commit `nowhere` in this clone"):
        repository.resolve("nowhere")
    with pytest.raises(UsageError, match="no commit `--help`"):
        repository.resolve("--help")


def test_dirty_names_changed_and_new_paths_but_not_ignored_ones(clone) -> None:
    clone.write(".gitignore", "target/\n")
    clone.commit()
    assert clone.open().dirty() == ()
    clone.write("target/x", "")
    clone.write("new file", "")
    clone.write("README.md", "changed\n")
    (clone.root / "util/src/lib.rs").unlink()
    assert clone.open().dirty() == ("README.md", "new file", "util/src/lib.rs")


def test_changes_are_raw_paths_and_a_rename_is_two(clone) -> None:
    base = clone.git("rev-parse", "HEAD")
    clone.git("mv", "util/src/lib.rs", "util/src/böse name.rs")
    clone.write("README.md", "changed\n")
    head = clone.commit()
    assert clone.open().changes(base, head) == (
        Change("README.md", "M"),
        Change("util/src/böse name.rs", "A"),
        Change("util/src/lib.rs", "D"),
    )
    assert clone.open().changes(base, base) == ()


def test_reads_files_as_committed(clone) -> None:
    clone.write("README.md", "not committed\n")
    repository = clone.open()
    assert repository.read(repository.head, "README.md") == b"demo\n"
    assert repository.read(repository.head, "no such file here") is None
    assert repository.read(repository.head, "services") is None
    assert repository.read(repository.head, "a\nb") is None
    several = ["README.md", "no such", "services", "a b missing 5", "a\nb", "util/src/lib.rs"]
    assert repository.read_all(repository.head, several) == {"README.md": b"demo\n", "util/src/lib.rs": b"// util\n"}
    assert repository.read_all(repository.head, []) == {}
    assert repository.read(repository.head, "README.md") == b"demo\n"
