from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import aws
from pipeline.cli import run
from pipeline.manifest.project import environment, load_project
from pipeline.release.ledger.records import Released, ServiceRecord
from pipeline.release.walk.act import Engine


class Clone:
    """Two services, one of them built from a shared crate."""

    def __init__(self, root: Path, project: str) -> None:
        self.root = root
        self.write("crabwalk.yaml", f"crabwalk: 1\nproject: {project}\n")
        self.write("shared/Cargo.toml", '[package]\nname = "shared"\n')
        self.write("shared/src/lib.rs", "")
        crates = {
            "health": "",
            "hello": '[dependencies]\nshared = { path = "../../shared" }\n',
        }
        for name, dependencies in crates.items():
            self.write(f"services/{name}/Cargo.toml", f'[package]\nname = "{name}"\n{dependencies}')
            self.write(f"services/{name}/src/main.rs", "fn main() {}\n")
            self.write(f"services/{name}/service.yaml", f"crabwalk: 1\nname: {name}\n")
        self.git("init", "-q", "-b", "main")
        self.first = self.commit()

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "A")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@example.org")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.chdir(tmp_path)
    return Clone(tmp_path, "demo")


def test_names_the_services_and_their_reasons(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.write("shared/src/lib.rs", "// other\n")
    clone.commit()
    assert run(["affected", "--base", "HEAD~1"]) == 0
    since = clone.first[:12]
    assert capsys.readouterr() == (
        (
            f"health: not affected since {since}\n"
            f"hello: affected since {since}\n"
            "  hello ← shared ← shared/src/lib.rs\n"
            "1 of 2 services affected\n"
        ),
        "",
    )


def test_as_json_and_for_one_service(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.write("services/hello/src/main.rs", "// other\n")
    head = clone.commit()
    assert run(["affected", "hello", "--base", clone.first, "--output", "json"]) == 0
    chain = ["hello", "services/hello/src/main.rs"]
    files = [{"path": "services/hello/src/main.rs", "change": "changed"}]
    reason = {"kind": "files", "detail": "services/hello/src/main.rs changed", "chain": chain, "files": files}
    assert json.loads(capsys.readouterr().out) == {
        "commit": head,
        "services": [{"service": "hello", "base": clone.first, "affected": True, "reasons": [reason]}],
        "removed": [],
    }


def test_json_names_every_file_by_itself(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "abcd":
        clone.write(f"shared/src/{name}.rs", "")
    (clone.root / "shared/src/lib.rs").unlink()
    clone.write("shared/Cargo.toml", '[package]\nname = "shared"\n[dependencies]\nx = "1"\ny = "1"\n')
    clone.commit()
    for _ in ("judged", "from the cache"):
        assert run(["affected", "hello", "--base", "HEAD~1", "--output", "json"]) == 0
        (reason,) = json.loads(capsys.readouterr().out)["services"][0]["reasons"]
        assert reason["chain"] == ["hello", "shared", "shared/Cargo.toml"]
        assert [(one["path"].removeprefix("shared/"), one["change"]) for one in reason["files"]] == [
            ("Cargo.toml", "changed"),
            *((f"src/{name}.rs", "added") for name in "abcd"),
            ("src/lib.rs", "deleted"),
        ]


def test_a_matrix_for_github(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["affected", "--base", "HEAD", "--github"]) == 0
    assert capsys.readouterr().out == 'any=false\nmatrix={"include":[]}\ntargets={"include":[]}\n'
    assert run(["affected", "--base", "HEAD", "--github", "--output", "json"]) == 2
    assert capsys.readouterr().err.startswith("error: --github and --output json exclude each other\n")
    clone.write("services/hello/src/main.rs", "// other\n")
    clone.commit()
    assert run(["affected", "--base", "HEAD~1", "--github"]) == 0
    assert capsys.readouterr().out == (
        'any=true\nmatrix={"include":[{"service":"hello"}]}\n'
        'targets={"include":[{"architecture":"arm64","services":"hello"}]}\n'
    )


def test_a_matrix_together_with_an_earlier_one(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.write("services/hello/src/main.rs", "// other\n")
    clone.commit()
    earlier = '{"include":[{"architecture":"x86_64","services":"audit hello"}]}'
    assert run(["affected", "--base", "HEAD~1", "--github", "--and", earlier]) == 0
    _, matrix, targets = capsys.readouterr().out.splitlines()
    assert matrix == 'matrix={"include":[{"service":"audit"},{"service":"hello"}]}'
    assert json.loads(targets.removeprefix("targets="))["include"] == [
        {"architecture": "arm64", "services": "hello"},
        {"architecture": "x86_64", "services": "audit hello"},
    ]
    assert run(["affected", "--base", "HEAD", "--github", "--and", earlier]) == 0
    assert capsys.readouterr().out.startswith("any=true\n")
    for wrong in ("[", "{}", '{"include": 3}'):
        assert run(["affected", "--base", "HEAD", "--github", "--and", wrong]) == 2
    assert run(["affected", "--base", "HEAD", "--and", earlier]) == 2
    assert capsys.readouterr().err.endswith("error: --and goes with --github\n")


def test_uncommitted_work_is_said(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "abcd":
        clone.write(f"services/hello/{name}", "")
    assert run(["affected", "--base", "HEAD"]) == 0
    assert capsys.readouterr().err == (
        "warning: uncommitted changes are not looked at: "
        "services/hello/a, services/hello/b, services/hello/c and 1 more\n"
    )


def test_uncommitted_work_counts_when_asked_for(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.write(".gitignore", "target/\n")
    base = clone.commit()[:12]
    clone.write("services/hello/target/x", "")
    clone.write("services/health/src/new.rs", "")
    (clone.root / "shared/src/lib.rs").unlink()
    assert run(["affected", "--base", "HEAD", "--uncommitted"]) == 0
    assert capsys.readouterr() == (
        (
            f"health: affected since {base}\n  health ← services/health/src/new.rs (added)\n"
            f"hello: affected since {base}\n  hello ← shared ← shared/src/lib.rs (deleted)\n"
            "2 of 2 services affected\n"
        ),
        "",
    )
    clone.write("shared/src/lib.rs", "")
    (clone.root / "services/health/src/new.rs").unlink()
    assert run(["affected", "--base", "HEAD", "--uncommitted"]) == 0
    assert capsys.readouterr().out.endswith("0 of 2 services affected\n")


def test_uncommitted_work_is_refused_for_real_environments(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.write(
        "crabwalk.yaml",
        "crabwalk: 1\nproject: demo\nenvironments: {prod: {account: '111122223333', region: eu-west-1}}\n",
    )
    assert run(["affected", "--env", "prod", "--base", "HEAD", "--uncommitted"]) == 2
    assert run(["affected", "--env", "prod", "--uncommitted"]) == 2
    assert capsys.readouterr().err.splitlines() == 2 * [
        "error: uncommitted changes are never released to `prod`",
        "  next: commit them, or ask about `local`",
    ]


def test_a_pull_request_is_what_its_branch_changed(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.git("checkout", "-q", "-b", "topic")
    clone.write("services/hello/src/main.rs", "// other\n")
    clone.commit()
    clone.git("checkout", "-q", "main")
    clone.write("services/health/src/main.rs", "// other\n")
    main = clone.commit()
    clone.git("checkout", "-q", "topic")
    assert run(["affected", "--merge-base", "main"]) == 0
    since = clone.first[:12]
    listed = (
        f"health: not affected since {since}\nhello: affected since {since}\n  hello ← services/hello/src/main.rs\n"
    )
    assert capsys.readouterr().out == f"{listed}1 of 2 services affected\n"
    # What GitHub checks out for a pull request: a merge into the target, without a branch, and no local `main`.
    clone.git("merge", "-q", "--no-edit", "main")
    clone.git("checkout", "-q", "--detach")
    clone.git("branch", "-q", "-D", "main")
    clone.git("update-ref", "refs/remotes/origin/main", main)
    assert run(["affected", "--merge-base", "main"]) == 0
    assert capsys.readouterr().out == listed.replace(since, main[:12]) + "1 of 2 services affected\n"


def test_a_branch_with_no_common_history_affects_everything(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.git("checkout", "-q", "--orphan", "other")
    clone.write("README.md", "another beginning\n")
    clone.commit()
    assert run(["affected", "--merge-base", "main"]) == 0
    reason = "HEAD and main have no commit in common, so what changed is unknown"
    assert capsys.readouterr().out == (
        f"health: affected\n  {reason}\nhello: affected\n  {reason}\n2 of 2 services affected\n"
    )


def test_a_shallow_pull_request_affects_everything(
    clone: Clone, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.write("README.md", "other\n")
    clone.commit()
    clone.git("clone", "-q", "--depth", "1", f"file://{clone.root}", "shallow")
    monkeypatch.chdir(clone.root / "shallow")
    assert run(["affected", "--merge-base", "main"]) == 0
    out = capsys.readouterr().out
    assert out.count("the clone is shallow, so what changed is unknown") == 2
    assert out.endswith("2 of 2 services affected\n")
    for option, name in (("--base", "HEAD~1"), ("--merge-base", "master"), ("--merge-base", "nowhere")):
        assert run(["affected", option, name]) == 0
        reason = f"the clone is shallow and has no `{name}`, so what changed is unknown"
        assert capsys.readouterr() == (
            f"health: affected\n  {reason}\nhello: affected\n  {reason}\n2 of 2 services affected\n",
            f"warning: counted as affected, 2 of 2 services: {reason}\n",
        )


@pytest.mark.parametrize("option", ["--base", "--merge-base"])
@pytest.mark.parametrize(
    ("base", "reason"),
    [
        ("1" * 40, "its base 111111111111 is not in this clone, so what changed is unknown"),
        ("AB" * 32, "its base abababababab is not in this clone, so what changed is unknown"),
        (
            "0" * 40,
            "its base is all zeros, GitHub's name for what was before a new branch, so what changed is unknown",
        ),
    ],
)
def test_a_base_nobody_can_know_affects_everything(
    clone: Clone, capsys: pytest.CaptureFixture[str], option: str, base: str, reason: str
) -> None:
    assert clone.first
    assert run(["affected", option, base, "--output", "json"]) == 0
    out, err = capsys.readouterr()
    since = base.lower() if base.strip("0") else None
    unknown = {"kind": "unknown-base", "detail": reason, "chain": [], "files": []}
    assert json.loads(out)["services"] == [
        {"service": name, "base": since, "affected": True, "reasons": [unknown]} for name in ("health", "hello")
    ]
    assert err == f"warning: counted as affected, 2 of 2 services: {reason}\n"


def test_a_service_that_is_gone_is_not_passed_over(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.git("rm", "-rq", "services/health")
    clone.write("services/moved/service.yaml", (clone.root / "services/hello/service.yaml").read_text())
    clone.git("mv", "services/hello/src", "services/hello/Cargo.toml", "services/moved/")
    clone.git("rm", "-q", "services/hello/service.yaml")
    clone.commit()
    assert run(["affected", "--base", "HEAD~1"]) == 0
    gone = f"health: its manifest is gone since {clone.first[:12]}; what runs of it stays until it is taken down"
    assert gone in capsys.readouterr().out.splitlines()
    assert run(["affected", "--base", "HEAD~1", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == ["health"]
    assert run(["affected", "--base", "HEAD"]) == 0
    assert "gone" not in capsys.readouterr().out
    clone.git("rm", "-rq", "services/moved")
    last = clone.commit()
    assert run(["affected", "--base", "HEAD~1"]) == 0
    gone = gone.replace("health", "hello").replace(clone.first[:12], clone.git("rev-parse", f"{last}~1")[:12])
    assert capsys.readouterr().out.splitlines() == [gone, "0 of 0 services affected"]


def test_what_cannot_be_read_or_is_gone_is_marked(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.write("Cargo.lock", "version = 4\n")
    clone.write("Cargo.toml", '[workspace]\nmembers = ["services/*"]\n')
    clone.commit()
    (clone.root / "Cargo.lock").unlink()
    clone.write("shared/Cargo.toml", "<<<\n")
    assert run(["affected", "--base", "HEAD", "--uncommitted"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert "  hello ← shared ← shared/Cargo.toml (cannot be read)" in out
    assert "  hello ← Cargo.lock (deleted)" in out


def test_an_uncommitted_manifest_is_named_as_the_fault(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.write("services/hello/service.yaml", "crabwalk: 1\nname: hello\nmemory: 3\n")
    assert run(["affected", "--base", "HEAD"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "  next: manifests are read as they lie here, and services/hello/service.yaml is not committed: "
        "correct or stash it"
    )
    clone.commit()
    assert run(["affected", "--base", "HEAD"]) == 2
    assert "not committed" not in capsys.readouterr().err
    clone.write("services/hello/service.yaml", "crabwalk: 1\nname: hello\nmemory: 256 MB\n")
    assert run(["affected", "--base", "HEAD"]) == 0
    assert capsys.readouterr().err == (
        "warning: uncommitted changes are not looked at, but manifests are read as they lie here: "
        "services/hello/service.yaml\n"
    )


def test_manifests_are_judged_unless_the_base_has_them(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.write("services/hello/service.yaml", "crabwalk: 1\nname: hello\nmemory: 64 MB\n")
    assert run(["affected", "--base", "HEAD"]) == 2
    assert "services/hello/service.yaml:3:9: memory" in capsys.readouterr().err
    clone.commit()
    assert run(["affected", "--base", "HEAD~1"]) == 2
    assert run(["affected", "--base", "HEAD"]) == 2
    assert capsys.readouterr().err.count("services/hello/service.yaml:3:9: memory") == 2


@pytest.mark.parametrize(
    "text",
    ["crabwalk: 1\nname: [x]\n", "crabwalk: 2\nname: hello\n", "name: hello\n", "crabwalk: 1\nname: health\n", "]"],
)
def test_a_manifest_that_cannot_be_read_is_refused_whatever_the_base_has(clone: Clone, text: str) -> None:
    clone.write("services/hello/service.yaml", text)
    clone.commit()
    clone.write("README.md", "other\n")
    clone.commit()
    assert run(["affected", "--base", "HEAD~1"]) == 2


def test_a_manifest_behind_a_link_is_always_judged(clone: Clone) -> None:
    (clone.root / "services/hello/service.yaml").unlink()
    (clone.root / "services/hello/service.yaml").symlink_to("../../hello.yaml")
    clone.write("hello.yaml", "crabwalk: 1\nname: hello\nmemory: 64 MB\n")
    clone.commit()
    clone.write("README.md", "other\n")
    clone.commit()
    assert run(["affected", "--base", "HEAD~1"]) == 2


def test_a_manifest_that_leads_nowhere_is_refused_and_not_left_out(clone: Clone) -> None:
    (clone.root / "services/lost").mkdir()
    (clone.root / "services/lost/service.yaml").symlink_to("nowhere.yaml")
    clone.commit()
    clone.write("README.md", "other\n")
    clone.commit()
    assert run(["affected", "--base", "HEAD~1"]) == 2


def test_only_what_it_needs_is_loaded(clone: Clone) -> None:
    clone.write("services/hello/src/main.rs", "// other\n")
    clone.commit()
    program = (
        "import sys; from pipeline.cli import run; code = run(['affected', '--base', 'HEAD~1'])\n"
        "print(code, [name for name in ('pydantic', 'git', 'boto3', 'rich', 'tomllib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=clone.root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


_FETCH = "  next: git fetch, or name another commit"


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            ["--base", "nowhere"],
            ["error: no commit `nowhere` in this clone", _FETCH],
        ),
        (
            ["--merge-base", "nowhere"],
            [
                "error: no commit `nowhere` in this clone",
                "  next: git fetch origin NAME (in GitHub Actions: `fetch-depth: 0` for actions/checkout)",
            ],
        ),
        (["--merge-base", "main", "--base", "HEAD"], ["error: --base and --merge-base exclude each other"]),
        (["hallo", "--base", "HEAD"], ["error: there is no service `hallo`", "  next: did you mean `hello`?"]),
    ],
)
def test_what_is_not_there(
    clone: Clone, capsys: pytest.CaptureFixture[str], arguments: list[str], lines: list[str]
) -> None:
    assert clone.first
    assert run(["affected", *arguments]) == 2
    assert capsys.readouterr().err.splitlines() == lines


def test_without_a_repository(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    (clone.root / ".git").rename(clone.root / "no-git")
    assert run(["affected", "--base", "HEAD"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: {clone.root} is not in a git repository",
        "  next: git init, or change to the clone",
    ]


@pytest.mark.usefixtures("embedded")
def test_the_base_is_each_services_last_promoted_release(
    clone: Clone, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    clone.write("crabwalk.yaml", f"crabwalk: 1\nproject: {namespace[:20].rstrip('-')}\n")
    second = clone.commit()
    env = environment(load_project(clone.root), "local")
    aws.client(env, "s3").create_bucket(Bucket=env.bucket)
    released = Released("r1", "1", second, "a" * 64, "c", 0.0)
    Engine(env).ledger.save(ServiceRecord("hello", promoted=released))
    assert run(["affected"]) == 0
    assert capsys.readouterr().out == (
        f"health: affected\n  never released\nhello: not affected since {second[:12]}\n1 of 2 services affected\n"
    )


@pytest.mark.usefixtures("embedded")
def test_a_release_that_was_pushed_over_widens_to_everything(
    clone: Clone, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    clone.write("crabwalk.yaml", f"crabwalk: 1\nproject: {namespace[:20].rstrip('-')}\n")
    clone.commit()
    clone.git("checkout", "-q", "-b", "topic")
    clone.write("README.md", "released\n")
    gone = clone.commit()
    clone.git("checkout", "-q", "main")
    env = environment(load_project(clone.root), "local")
    aws.client(env, "s3").create_bucket(Bucket=env.bucket)
    Engine(env).ledger.save(ServiceRecord("hello", promoted=Released("r1", "1", gone, "a" * 64, "c", 0.0)))
    assert run(["affected", "hello"]) == 0
    assert capsys.readouterr().out == f"hello: not affected since {gone[:12]}\n0 of 1 service affected\n"
    clone.git("branch", "-q", "-D", "topic")
    assert run(["affected", "hello"]) == 0
    assert capsys.readouterr().out == (
        f"hello: affected since {gone[:12]}\n  its base {gone[:12]} is in the history of no branch any more, "
        "so what changed is unknown\n1 of 1 service affected\n"
    )
