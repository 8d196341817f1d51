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
        assert repository.committed(head) == float(clone.git("log", "-1", "--format=%ct"))
        assert repository.committed("0" * 40) is None
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
    for odd in ("--help", "^HEAD", "HEAD..HEAD", "HEAD HEAD", "", "HEAD:README.md"):
        with pytest.raises(UsageError, match="no commit `"):
            repository.resolve(odd)


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
    clone.commit()
    repository = clone.open()
    before, changes = repository.compare(base, repository.tree())
    assert changes == (
        Change("README.md", "M"),
        Change("util/src/böse name.rs", "A"),
        Change("util/src/lib.rs", "D"),
    )
    assert before.read("README.md") == b"demo\n"
    assert before.read("util/src/böse name.rs") is None
    assert repository.compare(repository.head, repository.tree())[1] == ()


def test_reads_files_as_committed(clone) -> None:
    clone.write("README.md", "not committed\n")
    repository = clone.open()
    tree = repository.tree()
    found = {path: tree.read(path) for path in ("README.md", "no such", "services", "util/src/lib.rs", "a\nb")}
    assert found == {
        "README.md": b"demo\n",
        "no such": None,
        "services": None,
        "util/src/lib.rs": b"// util\n",
        "a\nb": None,
    }


def test_the_work_tree_is_the_head_with_what_lies_there(clone) -> None:
    clone.write(".gitignore", "*.log\n")
    base = clone.commit()
    clone.write("README.md", "not committed\n")
    clone.write("new file", "x")
    clone.write("a.log", "ignored")
    (clone.root / "link").symlink_to("util/src")
    (clone.root / "devtools/src/lib.rs").unlink()
    repository = clone.open()
    tree = repository.tree(uncommitted=True)
    assert [tree.read(path) for path in ("README.md", "new file", "a.log", "link/lib.rs", "devtools/src/lib.rs")] == [
        b"not committed\n",
        b"x",
        None,
        b"// util\n",
        None,
    ]
    assert repository.compare(base, tree)[1] == (
        Change("README.md", "M"),
        Change("devtools/src/lib.rs", "D"),
        Change("link", "A"),
        Change("new file", "A"),
    )


def test_many_objects_are_read_through_one_process(clone) -> None:
    for number in range(1200):
        clone.write(f"many/{number}", f"{number}\n" * 50)
    clone.commit()
    tree = clone.open().tree()
    tree.load(f"many/{number}" for number in range(1200))
    assert [tree.read(f"many/{number}") for number in (0, 499, 500, 1199)] == [
        f"{number}\n".encode() * 50 for number in (0, 499, 500, 1199)
    ]
    assert tree.blobs.read("0" * 40) is None
    assert tree.blobs.read(clone.git("rev-parse", "HEAD^{tree}")) is None


def test_what_a_branch_or_tag_holds_is_referenced(clone) -> None:
    clone.git("checkout", "-q", "-b", "side")
    side = clone.commit("side")
    clone.git("checkout", "-q", "main")
    assert clone.open().referenced(side)
    clone.git("tag", "v1", side)
    clone.git("branch", "-q", "-D", "side")
    assert clone.open().referenced(side)
    clone.git("tag", "-d", "v1")
    assert not clone.open().referenced(side)
    assert clone.open().has_commit(side)
