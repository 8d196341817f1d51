"""`render`: roots printed and written, with and without the ledger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import verb_kit

from pipeline.cli import run

REPOSITORY = Path(__file__).parents[2]
SHARED = "crabwalk: 1\nname: other\nstack: shop\nenvironment: {URL: '${services.hello.api.endpoint}'}\n"
Captured = pytest.CaptureFixture[str]
UNKNOWN = (
    "warning: what is released and what has to stay is unknown, because the ledger of `staging` was not read (it was "
    "not asked): shown as if every service was released and nothing had to stay"
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = verb_kit.place(tmp_path / "project", "rendered").root
    (made / "modules").symlink_to(REPOSITORY / "modules")
    other = made / "services" / "other"
    (other / "src").mkdir(parents=True)
    (other / "Cargo.toml").write_text('[package]\nname = "other"\nversion = "0.1.0"\nedition = "2024"\n')
    (other / "src" / "main.rs").write_text("fn main() {}\n")
    (other / "service.yaml").write_text(SHARED)
    monkeypatch.chdir(made)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return made


def crabwalk(capsys: Captured, *arguments: str) -> tuple[int, str, list[str]]:
    code = run(["render", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err.splitlines()


@pytest.mark.usefixtures("root")
def test_one_root_is_one_document_and_what_is_unknown_is_said(capsys: Captured) -> None:
    code, out, err = crabwalk(capsys, "hello", "--env", "staging", "--offline")
    assert (code, err) == (0, [UNKNOWN])
    main = json.loads(out)
    assert set(main["module"]) == {"hello", "hello_http"}
    assert main["terraform"]["backend"]["s3"]["key"] == "terraform/hello.tfstate"


@pytest.mark.usefixtures("root")
def test_all_roots_each_under_its_name_and_what_is_left_out(capsys: Captured) -> None:
    code, out, err = crabwalk(capsys, "--env", "staging", "--offline")
    assert code == 0
    assert [line for line in out.splitlines() if line.startswith("#")] == ["# stack hello", "# stack shop"]
    assert err[1:] == [
        "warning: other: ${services.hello.api.endpoint} is not known, so what needs it is left out",
    ]
    code, out, _ = crabwalk(capsys, "shop", "--env", "staging", "--offline", "--output", "json")
    found = json.loads(out)
    assert (code, found["known"], found["environment"]) == (0, False, "staging")
    (stack,) = found["stacks"]
    assert (stack["name"], stack["services"], stack["directory"]) == ("shop", ["other"], None)
    assert stack["main"]["module"]["other"]["environment"] == {}


@pytest.mark.usefixtures("root")
def test_a_name_nobody_has(capsys: Captured) -> None:
    code, out, err = crabwalk(capsys, "shpo", "--env", "staging", "--offline")
    assert (code, out) == (2, "")
    assert err[1:] == ["error: there is no service or stack `shpo`", "  next: did you mean `shop`?"]


def test_whole_roots_are_written_and_nothing_else_is_touched(root: Path, capsys: Captured) -> None:
    code, out, _ = crabwalk(capsys, "hello", "--env", "staging", "--offline", "--out", "roots")
    place = root / "roots" / "hello"
    written = sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())
    assert (code, out) == (0, f"stack hello: {len(written)} files in roots/hello\n")
    assert {"main.tf.json", ".terraform.lock.hcl", "modules/rust-lambda/main.tf"} <= set(written)
    assert place.stat().st_mode & 0o077 == 0
    assert crabwalk(capsys, "hello", "--env", "staging", "--offline", "--out", "roots")[0] == 0
    (root / "mine" / "hello").mkdir(parents=True)
    (root / "mine" / "hello" / "work.txt").write_text("x")
    code, _, err = crabwalk(capsys, "hello", "--env", "staging", "--offline", "--out", "mine")
    assert (code, err[1:]) == (
        2,
        ["error: something else lies there", "  at mine/hello", "  next: name another folder"],
    )
    assert [path.name for path in (root / "mine" / "hello").iterdir()] == ["work.txt"]
