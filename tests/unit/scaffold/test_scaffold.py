"""Kinds, names and workspaces: what `new` writes, and what it refuses with nothing changed."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path, PurePosixPath

import pytest

from pipeline.errors import CrabwalkError, Problem, UsageError
from pipeline.manifest import check_all
from pipeline.manifest.project import Project, load_project
from pipeline.scaffold import KINDS, plan, write
from pipeline.scaffold.kinds import CRATES, TELEMETRY
from pipeline.scaffold.plan import place
from pipeline.scaffold.render import TEMPLATES, render
from pipeline.scaffold.workspace import Workspace, read_workspace

WORKSPACE = '[workspace]\nresolver = "3"\nmembers = ["services/*"]\n'
HABITS = """
[workspace.package]
version = "1.2.3"
edition = "2021"
license = "MIT"
[workspace.dependencies]
serde = "1"
tokio = { version = "1.50", features = ["macros"] }
rust_shared = { path = "shared" }
[workspace.lints.clippy]
all = "warn"
"""
SHARED = {"http.rs": "pub async fn run() {}", "telemetry.rs": "pub fn init() {}\npub fn outcomes(context: &Context) {}"}


def project(root: Path, *, cargo: str = WORKSPACE, more: str = "") -> Project:
    (root / "crabwalk.yaml").write_text("crabwalk: 1\nproject: shop\n" + more)
    (root / "Cargo.toml").write_text(cargo)
    return load_project(root)


def shared(root: Path) -> None:
    (root / "shared" / "src").mkdir(parents=True)
    for name, text in SHARED.items():
        (root / "shared" / "src" / name).write_text(text)


def everything(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def manifest(root: Path, name: str) -> dict[str, object]:
    return tomllib.loads((root / "services" / name / "Cargo.toml").read_text())


def test_all_kinds_pass_check_at_once(tmp_path: Path) -> None:
    here = project(tmp_path)
    for kind in KINDS:
        write(plan(here, f"a-{kind}", kind))
    warnings: list[Problem] = []
    _, services = check_all(tmp_path, warnings)
    assert [one for one in warnings if "nothing in its sources tells it" in one.what] == []
    assert [service.name for service in services] == sorted(f"a-{kind}" for kind in KINDS)
    assert [service.name for service in services if service.kind == "extension"] == ["a-extension"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_whole(kind: str, tmp_path: Path) -> None:
    write(plan(project(tmp_path), "mine", kind))
    files = everything(tmp_path / "services" / "mine")
    assert {"Cargo.toml", "service.yaml", "src/main.rs", "src/telemetry.rs"} < set(files)
    assert not any(b"<<name>>" in text or b"<<module>>" in text for text in files.values())
    events = sorted(path for path in files if path.startswith("events/"))
    assert events == (["events/invoke.json", "events/shutdown.json"] if kind == "extension" else ["events/mine.json"])
    assert all(json.loads(files[path]) for path in events)
    crate = manifest(tmp_path, "mine")
    assert set(crate["dependencies"]) == {*KINDS[kind].crates, *TELEMETRY}  # type: ignore[call-overload]
    assert b"#[cfg(test)]" in files["src/main.rs"]


@pytest.mark.parametrize("own", [True, False])
def test_what_lambda_takes_for_a_success_is_counted(own: bool, tmp_path: Path) -> None:
    here = project(tmp_path)
    if not own:
        shared(tmp_path)
        here = project(tmp_path, cargo=WORKSPACE + HABITS)
    for kind in KINDS:
        files = plan(here, "mine", kind).files
        module, main = files.get("src/telemetry.rs", ""), files["src/main.rs"]
        http, batch = kind in {"http", "axum"}, kind in {"sqs", "stream", "enrich"}
        assert ("::outcomes(&event.context, " in main) == batch
        assert ("fn outcomes(" in module) == (own and (http or batch))
        assert ("fn serve<" in module) == (own and http)
        assert not http or ("telemetry::serve(" if own else "rust_shared::http::run(") in main


def test_templates_are_those_of_the_kinds() -> None:
    assert {path.name for path in TEMPLATES.iterdir()} == {*KINDS, "telemetry.rs", "outcomes.rs", "serve.rs"}
    assert {crate for kind in KINDS.values() for crate in (*kind.crates, *kind.test_crates)} < set(CRATES)


def test_what_the_workspace_declares_is_inherited(tmp_path: Path) -> None:
    shared(tmp_path)
    write(plan(project(tmp_path, cargo=WORKSPACE + HABITS), "jobs", "sqs"))
    crate = manifest(tmp_path, "jobs")
    inherited = {"workspace": True}
    assert crate["package"] == {
        "name": "jobs",
        "description": "Works off the messages of a queue.",
        "version": inherited,
        "edition": inherited,
        "license": inherited,
        "publish": False,
    }
    assert crate["dependencies"] == {
        "aws_lambda_events": {"version": "1.2", "default-features": False, "features": ["sqs"]},
        "lambda_runtime": {"version": "1.5", "default-features": False},
        "rust_shared": inherited,
        "serde": {"workspace": True, "features": ["derive"]},
        "serde_json": "1",
        "tokio": {"workspace": True, "features": ["rt"]},
        "tracing": {"version": "0.1", "default-features": False, "features": ["std"]},
    }
    assert crate["lints"] == inherited
    assert not (tmp_path / "services/jobs/src/telemetry.rs").exists()
    assert "rust_shared::telemetry::init();" in (tmp_path / "services/jobs/src/main.rs").read_text()


def test_somebody_elses_rust_shared_is_left_alone(tmp_path: Path) -> None:
    shared(tmp_path)
    (tmp_path / "shared/src/http.rs").write_text("pub fn serve() {}")
    files = plan(project(tmp_path, cargo=WORKSPACE + HABITS), "greeter", "http").files
    assert "rust_shared" not in files["Cargo.toml"]
    assert "telemetry::init();\n    telemetry::serve(service_fn(greet)).await" in files["src/main.rs"]


def test_the_schema_is_named_where_it_lies(tmp_path: Path) -> None:
    here = project(tmp_path)
    assert plan(here, "one", "http").files["service.yaml"].startswith("crabwalk: 1\n")
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "service.schema.json").write_text("{}")
    header = plan(here, "one", "http").files["service.yaml"].splitlines()[0]
    assert header == "# yaml-language-server: $schema=../service.schema.json"


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("services/*/service.yaml", ("services/jobs", "service.yaml")),
        ("*/lambda.yml", ("jobs", "lambda.yml")),
        ("apps/**/service.yaml", ("apps/jobs", "service.yaml")),
        ("apps/svc-*/*.yaml", ("apps/svc-jobs", "service.yaml")),
    ],
)
def test_the_place_follows_the_projects_glob(glob: str, expected: tuple[str, str]) -> None:
    folder, file = place(glob, "jobs")
    assert (str(folder), file) == expected


@pytest.mark.parametrize("glob", ["one/service.yaml", "*/*/service.yaml", "s?/*/x.yaml", "a*b*/x.yaml"])
def test_a_glob_that_tells_no_place_is_refused(glob: str) -> None:
    with pytest.raises(UsageError, match="does not tell where a new service goes"):
        place(glob, "jobs")


def test_the_manifest_has_the_name_the_glob_wants(tmp_path: Path) -> None:
    here = project(tmp_path, cargo='[workspace]\nmembers = ["apps/*"]\n', more="services: apps/*/lambda.yml\n")
    write(plan(here, "jobs", "schedule"))
    assert [service.name for service in check_all(tmp_path)[1]] == ["jobs"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Jobs", "`Jobs` is not a name"),
        ("../jobs", "`../jobs` is not a name"),
        ("a" * 41, "is not a name"),
        ("match", "`match` cannot be a package"),
        ("test", "`test` cannot be a package"),
        ("lambda-http", "`lambda-http` cannot be a package"),
        ("tokio", "`tokio` cannot be a package"),
        ("busy", "services/busy exists already"),
        ("taken", "the name `taken` is taken"),
        ("library", "the workspace has a package `library`"),
    ],
)
def test_names_that_are_refused(name: str, says: str, tmp_path: Path) -> None:
    here = project(tmp_path, cargo=WORKSPACE.replace('"services/*"', '"services/*", "library"'))
    for path, text in {
        "services/busy/notes.txt": "mine",
        "services/other/service.yaml": "crabwalk: 1\nname: taken\n",
        "library/Cargo.toml": '[package]\nname = "library"\n',
    }.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    before = everything(tmp_path)
    with pytest.raises(UsageError) as caught:
        write(plan(here, name, "http"))
    assert says in caught.value.what
    assert everything(tmp_path) == before


def test_a_functions_name_that_lambda_does_not_take_is_refused(tmp_path: Path) -> None:
    here = project(
        tmp_path, more='environments: {integration-testing1: {account: "111122223333", region: eu-west-1}}\n'
    )
    with pytest.raises(UsageError, match="would take 66 characters") as caught:
        plan(here, "a" * 40, "http")
    assert caught.value.hint == "Lambda takes 64: shorten it by 2"


@pytest.mark.parametrize(
    ("cargo", "what", "hint"),
    [
        (None, "there is no Cargo.toml", 'write into it:\n[workspace]\nresolver = "3"\nmembers = ["services/*"]'),
        ("[package]\nname = 'x'\n", "Cargo.toml has no [workspace]", "write into it:"),
        ("[workspace", "Cargo.toml cannot be read", None),
        ('[workspace]\nmembers = ["apps/*"]\n', "no member of the workspace covers services/jobs", 'add "services/*"'),
        (WORKSPACE + 'exclude = ["services/jobs"]\n', "no member of the workspace covers services/jobs", "add"),
    ],
)
def test_a_workspace_that_cannot_take_it_is_refused(
    cargo: str | None, what: str, hint: str | None, tmp_path: Path
) -> None:
    here = project(tmp_path, cargo=cargo or "")
    if cargo is None:
        (tmp_path / "Cargo.toml").unlink()
    before = everything(tmp_path)
    with pytest.raises(UsageError) as caught:
        write(plan(here, "jobs", "sqs"))
    assert what in caught.value.what
    assert (hint or "") in (caught.value.hint or "")
    assert everything(tmp_path) == before


@pytest.mark.parametrize(
    ("pattern", "folder", "covered"),
    [
        ("services/*", "services/jobs", True),
        ("services/*", "services/team/jobs", False),
        ("services/**", "services/team/jobs", True),
        ("services/jobs", "services/jobs", True),
        ("*", "services/jobs", False),
    ],
)
def test_members_are_matched_as_cargo_does(pattern: str, folder: str, covered: bool) -> None:
    workspace = Workspace((pattern,), (), frozenset(), {}, False, "2024", {}, False)
    assert workspace.covers(PurePosixPath(folder)) is covered


def test_a_half_written_service_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scaffold = plan(project(tmp_path), "jobs", "sqs")
    before = everything(tmp_path)
    written = Path.write_text

    def full(self: Path, text: str, *more: object) -> int:
        if self.name == "main.rs":
            raise OSError(28, "No space left on device")
        return written(self, text, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(CrabwalkError, match="services/jobs cannot be written: No space left on device"):
        write(scaffold)
    assert everything(tmp_path) == before
    assert not (tmp_path / "services").exists()


def test_somebody_quicker_is_not_overwritten(tmp_path: Path) -> None:
    scaffold = plan(project(tmp_path), "jobs", "sqs")
    (tmp_path / "services" / "jobs").mkdir(parents=True)
    with pytest.raises(UsageError, match="exists already"):
        write(scaffold)
    assert list((tmp_path / "services").iterdir()) == [tmp_path / "services" / "jobs"]


def test_this_repository_gives_ten_lines_of_handler(tmp_path: Path) -> None:
    workspace = read_workspace(Path(__file__).parents[3], "services/*")
    assert workspace.shared
    files = render("mine", "http", workspace, None)
    assert "src/telemetry.rs" not in files
    assert len(files["src/main.rs"].partition("#[cfg(test)]")[0].splitlines()) < 20
    assert "lambda_http.workspace = true" in files["Cargo.toml"]
    assert not list(tmp_path.iterdir())
