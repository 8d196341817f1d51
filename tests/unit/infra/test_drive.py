"""Planning and applying with a stand-in for Terraform: which commands run, in what directory, and when not."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fake_terraform import FakeTerraform as Fake

from pipeline.errors import ConflictError, TerraformError
from pipeline.infra import InfraPlan, Placement, Root, Scope, apply_infra, parts, plan_infra, render
from pipeline.infra.drive import stack_directory
from pipeline.infra.workdir import RECORD
from pipeline.manifest.environments import Environment
from pipeline.manifest.models import Service
from pipeline.manifest.project import Project

MODULES = Path(__file__).parents[3] / "modules"
Make = Callable[..., Service]


@pytest.fixture(autouse=True)
def on_path(terraform: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "own.tfrc"
    own.write_text("")
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(own))
    monkeypatch.setenv("PATH", terraform.environment["PATH"])
    terraform.tell("init")
    terraform.tell("get")
    terraform.tell("plan", writes={"plan.tfplan": "plan"}, code=2)
    terraform.tell("apply", {"type": "outputs", "outputs": {"hello": {"value": {"function_name": "f"}}}})
    terraform.tell("output", '{"hello": {"value": {"function_name": "from output"}}}')
    terraform.tell("version", {"terraform_version": "1.11.4"})


@pytest.fixture
def rendered(project: Project, embedded_environment: Environment) -> Callable[..., Root]:
    def of(*services: Service, key: str = "artifacts/a.zip") -> Root:
        scope = Scope(project, embedded_environment)
        placements = [Placement(service, parts.calls(scope, service, released=True), key) for service in services]
        return render(scope, "web", placements, MODULES)

    return of


@pytest.fixture
def root(rendered: Callable[..., Root], service: Make) -> Root:
    return rendered(service())


@pytest.fixture
def directory(project: Project, embedded_environment: Environment) -> Path:
    return stack_directory(project.root, embedded_environment, "web")


def plan(root: Root, env: Environment, directory: Path) -> InfraPlan:
    return plan_infra(root, env, directory, lambda _: None)


def test_a_stack_has_its_directory_below_the_project(project: Project, directory: Path) -> None:
    assert directory == project.root / ".crabwalk" / "local" / "web"


def test_a_plan_initialises_writes_and_plans(
    terraform: Fake, root: Root, embedded_environment: Environment, directory: Path
) -> None:
    made = plan(root, embedded_environment, directory)
    assert terraform.commands == ["init", "plan"]
    assert (made.pending, made.changes) == (True, ())
    written = {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}
    assert set(root.files) <= written
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_init_is_skipped_while_nothing_it_depends_on_changes(
    terraform: Fake, rendered: Callable[..., Root], service: Make, embedded_environment: Environment, directory: Path
) -> None:
    plan(rendered(service()), embedded_environment, directory)
    elsewhere = replace(embedded_environment, endpoint="http://127.0.0.1:2")
    plan(rendered(service(memory_mb=512), key="artifacts/b.zip"), elsewhere, directory)
    assert terraform.commands == ["init", "plan", "plan"]
    assert terraform.calls[-1]["environment"]["AWS_ENDPOINT_URL"] == "http://127.0.0.1:2"


def test_more_modules_are_entered_without_init_and_fewer_need_nothing(
    terraform: Fake, rendered: Callable[..., Root], service: Make, embedded_environment: Environment, directory: Path
) -> None:
    for services in ((service(),), (service(), service("two")), (service(),), (service(), service("two"))):
        plan(rendered(*services), embedded_environment, directory)
    assert terraform.commands == ["init", "plan", "get", "plan", "plan", "plan"]


def test_modules_that_want_another_provider_need_init(
    terraform: Fake, rendered: Callable[..., Root], service: Make, embedded_environment: Environment, directory: Path
) -> None:
    root = rendered(service())
    plan(root, embedded_environment, directory)
    versions = next(name for name in root.files if name.endswith("/versions.tf"))
    plan(replace(root, files={**root.files, versions: b"# another"}), embedded_environment, directory)
    assert terraform.commands == ["init", "plan", "init", "plan"]


def test_modules_that_cannot_be_entered_are_entered_by_the_next_run(
    terraform: Fake, rendered: Callable[..., Root], service: Make, embedded_environment: Environment, directory: Path
) -> None:
    plan(rendered(service()), embedded_environment, directory)
    terraform.tell("get", "Error: no such folder", code=1)
    with pytest.raises(TerraformError):
        plan(rendered(service(), service("two")), embedded_environment, directory)
    plan(rendered(service(), service("two")), embedded_environment, directory)
    assert terraform.commands == ["init", "plan", "get", "init", "plan"]


def test_a_record_that_was_cut_off_needs_init(
    terraform: Fake, rendered: Callable[..., Root], service: Make, embedded_environment: Environment, directory: Path
) -> None:
    plan(rendered(service()), embedded_environment, directory)
    record = directory / RECORD
    record.write_text(record.read_text()[:40])
    plan(rendered(service()), embedded_environment, directory)
    assert terraform.commands == ["init", "plan", "init", "plan"]


def test_a_failed_init_is_repeated_by_the_next_run(
    terraform: Fake, root: Root, embedded_environment: Environment, directory: Path
) -> None:
    terraform.tell("init", code=1)
    with pytest.raises(TerraformError):
        plan(root, embedded_environment, directory)
    terraform.tell("init")
    plan(root, embedded_environment, directory)
    assert terraform.commands == ["init", "version", "init", "plan"]


def test_an_old_terraform_is_named_as_the_cause(
    terraform: Fake, root: Root, embedded_environment: Environment, directory: Path
) -> None:
    terraform.tell("init", stderr="flag provided but not defined: -json", code=1)
    terraform.tell("version", {"terraform_version": "1.5.7"})
    with pytest.raises(TerraformError, match=r"Terraform 1\.5\.7 is too old"):
        plan(root, embedded_environment, directory)


def test_a_directory_that_is_not_initialised_after_all_heals_once(
    terraform: Fake, root: Root, embedded_environment: Environment, directory: Path
) -> None:
    plan(root, embedded_environment, directory)
    diagnostic = {"summary": "Required plugins are not installed", "detail": ""}
    terraform.tell("plan", {"@level": "error", "type": "diagnostic", "diagnostic": diagnostic}, code=1)
    with pytest.raises(TerraformError, match="Required plugins"):
        plan(root, embedded_environment, directory)
    assert terraform.commands == ["init", "plan", "plan", "init", "plan"]


def test_files_of_an_earlier_root_go_and_terraforms_own_stay(
    root: Root, embedded_environment: Environment, directory: Path
) -> None:
    plan(root, embedded_environment, directory)
    (directory / "modules" / "gone").mkdir()
    (directory / "modules" / "gone" / "main.tf").write_text("")
    (directory / "stray.tf").write_text("")
    (directory / ".terraform" / "providers").mkdir()
    (directory / "terraform.tfstate.backup").write_text("")
    lock = directory / ".terraform.lock.hcl"
    lock.write_text(lock.read_text() + "# hash of this machine, added by init\n")
    plan(root, embedded_environment, directory)
    assert not (directory / "stray.tf").exists()
    assert not (directory / "modules" / "gone").exists()
    assert (directory / ".terraform" / "providers").is_dir()
    assert (directory / "terraform.tfstate.backup").exists()
    assert "added by init" in lock.read_text()


def test_an_update_is_looked_up_in_the_saved_plan(
    terraform: Fake, root: Root, embedded_environment: Environment, directory: Path
) -> None:
    resource = {"addr": "module.hello.aws_lambda_function.this", "resource_type": "aws_lambda_function"}
    terraform.tell(
        "plan",
        {"type": "planned_change", "change": {"action": "update", "resource": resource}},
        writes={"plan.tfplan": "plan"},
        code=2,
    )
    change = {"actions": ["update"], "before": {"timeout": 3}, "after": {"timeout": 5}}
    shown = {"address": resource["addr"], "type": resource["resource_type"], "change": change}
    terraform.tell("show", {"resource_changes": [shown]})
    (found,) = plan(root, embedded_environment, directory).changes
    assert terraform.commands == ["init", "plan", "show"]
    assert (found.effect, found.attributes) == ("walks", ("timeout",))


def test_exactly_the_saved_plan_is_applied_and_its_outputs_returned(
    terraform: Fake, root: Root, embedded_environment: Environment, directory: Path
) -> None:
    made = plan(root, embedded_environment, directory)
    assert apply_infra(made, embedded_environment, lambda _: None) == {"hello": {"function_name": "f"}}
    assert terraform.calls[-1]["arguments"][0] == "apply"
    assert terraform.calls[-1]["arguments"][-1] == "plan.tfplan"
    assert not (directory / "plan.tfplan").exists()


def test_nothing_to_apply_starts_no_apply(
    terraform: Fake, root: Root, embedded_environment: Environment, directory: Path
) -> None:
    terraform.tell("plan", writes={"plan.tfplan": "plan"}, code=0)
    made = plan(root, embedded_environment, directory)
    assert apply_infra(made, embedded_environment, lambda _: None) == {"hello": {"function_name": "from output"}}
    assert "apply" not in terraform.commands


@pytest.mark.parametrize("other", [b"plan of another run", None])
def test_a_plan_that_is_not_ours_any_more_is_not_applied(
    terraform: Fake, root: Root, embedded_environment: Environment, directory: Path, other: bytes | None
) -> None:
    made = plan(root, embedded_environment, directory)
    (directory / "plan.tfplan").unlink()
    if other is not None:
        (directory / "plan.tfplan").write_bytes(other)
    with pytest.raises(ConflictError, match="not the one that was made"):
        apply_infra(made, embedded_environment, lambda _: None)
    assert "apply" not in terraform.commands


def test_a_state_that_could_not_be_saved_is_saved_before_anything_is_planned(
    terraform: Fake, root: Root, embedded_environment: Environment, directory: Path
) -> None:
    plan(root, embedded_environment, directory)
    left = directory / "errored.tfstate"
    left.write_text("{}")
    terraform.tell("state", "Failed to write state: newer than the one in the bucket", code=1)
    with pytest.raises(TerraformError, match=r"still only in errored\.tfstate: terraform state ended with 1") as caught:
        plan(root, embedded_environment, directory)
    assert left.exists()
    assert "push it with -force" in str(caught.value.hint)
    terraform.tell("state")
    plan(root, embedded_environment, directory)
    assert not left.exists()
    assert terraform.commands == ["init", "plan", "state", "state", "plan"]
    assert terraform.calls[-2]["arguments"] == ["state", "push", "-lock-timeout=15s", "errored.tfstate"]
