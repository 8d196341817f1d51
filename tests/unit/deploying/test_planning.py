"""What a deploy would do: the order of commits, what stands in a stack, which leases it needs, and why."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import release_kit as values

from pipeline.deploying.checkout import check_checkout, check_order, check_unmoved
from pipeline.deploying.offering import configuration
from pipeline.deploying.planning import DeployPlan, _after, _chosen, _of_another, _with_other_reasons
from pipeline.deploying.setting import Setting
from pipeline.deploying.stacks import needs_of, plan_stack
from pipeline.errors import ConflictError, UsageError
from pipeline.infra.parts.function import walk_fingerprint
from pipeline.manifest.environments import Environment
from pipeline.manifest.models import HttpTrigger, Service
from pipeline.manifest.project import Project
from pipeline.release.ledger.records import Rejected, Released, ServiceRecord, StackRecord
from pipeline.workspace.affected import Affected, Reason
from pipeline.workspace.git import Repository

ROOT = Path(__file__).parents[3]
LOCAL = Environment("local", "000000000000", "us-east-1", "bucket", embedded=True)
STAGING = Environment("staging", "111122223333", "eu-west-1", "bucket")


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "repository"
    made.mkdir()
    git(made, "init", "--quiet", "--initial-branch", "main")
    git(made, "commit", "--quiet", "--allow-empty", "--message", "first")
    return made


def commit(root: Path, subject: str) -> str:
    git(root, "commit", "--quiet", "--allow-empty", "--message", subject)
    return git(root, "rev-parse", "HEAD")


def released(commit: str, artifact: str = "a" * 64, configuration: str = "c") -> Released:
    return Released("20260101T000000-000001", "4", commit, artifact, configuration, 0.0)


def service(name: str) -> Service:
    return Service(
        name=name,
        stack="web",
        memory_mb=128,
        timeout_s=3,
        triggers=(HttpTrigger(routes=("GET /",)),),
        directory=ROOT / "services" / name,
        file=ROOT / "services" / name / "service.yaml",
    )


def setting(stacks: dict[str, StackRecord | None] | None = None, **records: ServiceRecord) -> Setting:
    names = ("health", "hello")
    return Setting(
        project=Project("p", ROOT),
        env=LOCAL,
        commit="c0ffee",
        subject="s",
        services=tuple(service(name) for name in names),
        records={name: records.get(name, ServiceRecord(name)) for name in names},
        stacks=stacks or {"web": None},
    )


def test_a_commit_that_follows_the_released_one_may_be_deployed(root: Path) -> None:
    older = git(root, "rev-parse", "HEAD")
    commit(root, "second")
    with Repository.open(root) as repo:
        check_order(repo, ServiceRecord("hello"))
        check_order(repo, ServiceRecord("hello", promoted=released(older)))
        check_order(repo, ServiceRecord("hello", promoted=released(repo.head)))


def test_an_older_commit_is_refused(root: Path) -> None:
    older = git(root, "rev-parse", "HEAD")
    newer = commit(root, "second")
    git(root, "checkout", "--quiet", older)
    with Repository.open(root) as repo, pytest.raises(ConflictError, match="does not contain"):
        check_order(repo, ServiceRecord("hello", promoted=released(newer)))


def test_a_clone_that_never_fetched_the_released_commit_is_refused(root: Path) -> None:
    with Repository.open(root) as repo, pytest.raises(ConflictError, match="does not have") as caught:
        check_order(repo, ServiceRecord("hello", promoted=released("1" * 40)))
    assert caught.value.hint is not None
    assert "git fetch" in caught.value.hint
    assert "--base" in caught.value.hint


def test_uncommitted_work_is_a_warning_locally_and_refused_elsewhere(root: Path) -> None:
    (root / "new.txt").write_text("x")
    with Repository.open(root) as repo:
        assert check_checkout(repo, LOCAL) == "uncommitted changes are built in: new.txt"
        with pytest.raises(UsageError, match=r"uncommitted changes: new\.txt"):
            check_checkout(repo, STAGING)


def test_a_checkout_that_moved_during_the_build_is_not_released(root: Path) -> None:
    with Repository.open(root) as repo:
        here = replace(setting(), project=Project("p", root), commit=repo.head, env=STAGING)
    check_unmoved(here)
    (root / "new.txt").write_text("x")
    with pytest.raises(UsageError, match="uncommitted"):
        check_unmoved(here)
    (root / "new.txt").unlink()
    commit(root, "second")
    with pytest.raises(ConflictError, match="moved from"):
        check_unmoved(here)


def test_a_stack_holds_what_is_released_or_about_to_be() -> None:
    now = setting(hello=ServiceRecord("hello", promoted=released("c0ffee")))
    assert set(plan_stack(now, "web", {}).root.walk_fingerprints) == {"hello"}
    assert set(plan_stack(now, "web", {"health": "artifacts/1.zip"}).root.walk_fingerprints) == {"health", "hello"}


def test_a_service_that_stands_but_was_never_released_is_not_taken_away() -> None:
    applied = StackRecord("web", "old", {}, ("health", "hello"), 0.0, "c0ffee")
    now = setting({"web": applied}, hello=ServiceRecord("hello", promoted=released("c0ffee")))
    planned = plan_stack(now, "web", {})
    assert set(planned.root.walk_fingerprints) == {"health", "hello"}
    text = planned.root.files["main.tf.json"].decode()
    assert "health_http" not in text, "without a released version nothing may call it"
    assert "hello_http" in text


def test_terraform_runs_only_where_the_fingerprint_changed() -> None:
    now = setting(hello=ServiceRecord("hello", promoted=released("c0ffee")))
    first = plan_stack(now, "web", {})
    assert first.terraform
    applied = StackRecord("web", first.root.fingerprint, {}, ("hello",), 0.0, "c0ffee")
    again = plan_stack(replace(now, stacks={"web": applied}), "web", {"hello": "artifacts/2.zip"})
    assert not again.terraform, "another artifact is no reason for Terraform"


def test_aws_is_asked_for_the_live_version_only_where_something_would_go() -> None:
    asked: list[str] = []
    now = setting(hello=ServiceRecord("hello", promoted=released("c0ffee")))
    now = replace(now, now=1.0, live=lambda name: asked.append(name) or "4")
    calls = {name: tuple(map(asdict, made)) for name, made in plan_stack(now, "web", {}).root.calls.items()}
    now = replace(now, stacks={"web": StackRecord("web", "f", {}, ("hello",), 0.0, "c0ffee", calls)})
    plan_stack(now, "web", {})
    assert asked == [], "all that stands is declared"
    fewer = service("hello").model_copy(update={"triggers": (HttpTrigger(routes=("POST /",)),)})
    needs = needs_of(replace(now, services=(fewer,)), fewer)
    promoted = replace(released("c0ffee"), needs=needs)
    now = replace(now, services=(fewer,), records={"hello": ServiceRecord("hello", promoted=promoted)})
    assert plan_stack(now, "web", {}).stays == {}
    assert asked == ["hello"], "a route would go, and the live version may need it"
    assert plan_stack(replace(now, live=lambda _: "3"), "web", {}).stays == {"hello": ("GET /",)}


def with_extension(now: Setting, **changed: Any) -> Setting:
    """`hello` runs with the extension `tail`."""
    own = {"name": "tail", "kind": "extension", "stack": "web", "memory_mb": 128, "timeout_s": 3, "triggers": ()}
    extension = service("tail").model_copy(update=own)
    hello = service("hello").model_copy(update={"extensions": ("tail",), **changed})
    return replace(now, services=(service("health"), hello), extensions={"tail": extension})


def test_an_extension_is_a_layer_in_the_functions_own_root_and_made_before_it() -> None:
    now = with_extension(setting(hello=ServiceRecord("hello", promoted=released("c0ffee"))))
    keys = {"hello": "artifacts/2.zip", "tail": "artifacts/t1.zip"}
    root = plan_stack(now, "web", keys).root
    modules = json.loads(root.files["main.tf.json"])["module"]
    assert modules["hello_layer_tail"]["artifact_key"] == "artifacts/t1.zip"
    assert modules["hello_layer_tail"]["name"] == "p-local-tail"
    assert modules["hello"]["layers"] == ["${module.hello_layer_tail.arn}"]
    assert "modules/extension-layer/main.tf" in root.files
    assert set(root.walk_fingerprints) == {"hello"}, "an extension is no release of its own"


def test_a_new_extension_is_another_configuration_and_an_applied_one_stays() -> None:
    first = with_extension(setting(hello=ServiceRecord("hello", promoted=released("c0ffee"))))
    made = plan_stack(first, "web", {"hello": "artifacts/2.zip", "tail": "artifacts/t1.zip"}).root
    calls = {name: tuple(map(asdict, some)) for name, some in made.calls.items()}
    applied = StackRecord("web", made.fingerprint, {}, ("hello",), 0.0, "c0ffee", calls)
    now = replace(first, stacks={"web": applied})
    still = plan_stack(now, "web", {})
    assert not still.terraform
    assert still.root.walk_fingerprints == made.walk_fingerprints
    neighbour = plan_stack(now, "web", {"health": "artifacts/1.zip", "tail": "artifacts/t2.zip"}).root
    assert neighbour.walk_fingerprints["hello"] == made.walk_fingerprints["hello"], "who is not released keeps its own"
    another = plan_stack(now, "web", {"hello": "artifacts/2.zip", "tail": "artifacts/t2.zip"})
    assert another.terraform
    assert another.root.walk_fingerprints["hello"] != made.walk_fingerprints["hello"]
    hello = now.services[1]
    assert configuration(now, hello) == made.walk_fingerprints["hello"]
    assert walk_fingerprint(service("hello")) == walk_fingerprint(service("hello"), {}), "as before there were any"


def test_an_extension_is_not_deployed_by_its_name() -> None:
    now = with_extension(setting())
    with pytest.raises(UsageError, match="`tail` is an extension") as caught:
        _chosen(now, ["tail"])
    assert caught.value.hint == "crabwalk deploy hello"
    with pytest.raises(UsageError) as unused:
        _chosen(replace(now, services=(service("health"),)), ["tail"])
    assert unused.value.hint == "list it in a function: `extensions: [tail]`"


def plan(now: Setting, affected: tuple[str, ...], fingerprint: str) -> DeployPlan:
    applied = StackRecord("web", fingerprint, {}, ("health", "hello"), 0.0, "c0ffee")
    now = replace(now, stacks={"web": applied})
    found = tuple(Affected(one.name, None, (Reason("files", "x"),) * (one.name in affected)) for one in now.services)
    build: Any = None
    return DeployPlan(now, found, build, (plan_stack(now, "web", {}),))


def test_terraform_needs_the_leases_of_the_whole_stack() -> None:
    both = {name: ServiceRecord(name, promoted=released("c0ffee")) for name in ("health", "hello")}
    now = setting(**both)
    same = plan_stack(now, "web", {}).root.fingerprint
    assert plan(now, ("hello",), same).leases == {"hello"}
    assert plan(now, ("hello",), "another").leases == {"health", "hello"}
    assert plan(now, (), "another").leases == {"health", "hello"}
    assert [one.name for one in plan(now, ("hello",), same).services] == ["hello"]


def test_a_lease_that_is_taken_for_a_stack_says_so() -> None:
    now = setting(**{name: ServiceRecord(name, promoted=released("c0ffee")) for name in ("health", "hello")})
    assert plan(now, ("hello",), "another").stack_of("hello") is None
    assert plan(now, ("hello",), "another").stack_of("health") == "stack `web` of `hello`"
    assert plan(now, (), "another").stack_of("health") == "stack `web`"


@pytest.mark.parametrize(
    ("record", "retry", "kind"),
    [
        (ServiceRecord("hello"), False, None),
        (ServiceRecord("hello", promoted=released("c", configuration="other")), False, "configuration"),
        (ServiceRecord("hello", promoted=released("c", configuration="SAME")), True, None),
    ],
)
def test_reasons_beyond_the_commit(record: ServiceRecord, kind: str | None, *, retry: bool) -> None:
    stack = plan_stack(setting(hello=ServiceRecord("hello", promoted=released("c0ffee"))), "web", {})
    same = stack.root.walk_fingerprints["hello"]
    if record.promoted is not None and record.promoted.configuration == "SAME":
        record = replace(record, promoted=replace(record.promoted, configuration=same))
    found = _with_other_reasons(record, Affected("hello", None, ()), (stack,), retry=retry)
    assert [reason.kind for reason in found.reasons] == ([kind] if kind else [])


def test_retry_takes_what_was_rolled_back_by_hand() -> None:
    stack = plan_stack(setting(hello=ServiceRecord("hello", promoted=released("c0ffee"))), "web", {})
    live = released("c0ffee", configuration=stack.root.walk_fingerprints["hello"])
    rejected = Rejected(live.release_id, live.commit, live.artifact, live.configuration)
    record = ServiceRecord("hello", promoted=live, rejected=(rejected,))
    unaffected = Affected("hello", None, ())
    assert _with_other_reasons(record, unaffected, (stack,), retry=False) == unaffected
    found = _with_other_reasons(record, unaffected, (stack,), retry=True)
    assert [reason.kind for reason in found.reasons] == ["retry"]


def test_what_takes_the_place_of_another_commits_release_is_planned_though_that_is_not_over() -> None:
    walking = ServiceRecord("hello", promoted=released("c0ffee"), rollout=values.FRESH)
    over = replace(walking, rollout=replace(values.FRESH, phase="promoted"))
    mine = values.FRESH.commit
    assert [_of_another(one, "beef") for one in (walking, over, ServiceRecord("hello"))] == [True, False, False]
    assert not _of_another(walking, mine), "it is walked to its end, and that is all"
    found = _after(walking, Affected("hello", None, ()))
    assert [(one.kind, one.detail) for one in found.reasons] == [
        ("unfinished", f"release {values.FRESH.release_id} is not over")
    ]
    changed = Affected("hello", None, (Reason("file", "it changed"),))
    assert (_after(walking, changed), _after(over, Affected("hello", None, ()))) == (
        changed,
        Affected("hello", None, ()),
    )


def test_what_somebody_else_works_on_is_left_out_with_the_stack_it_holds_up() -> None:
    both = {name: ServiceRecord(name, promoted=released("c0ffee")) for name in ("health", "hello")}
    now = setting(**both)
    same = plan_stack(now, "web", {}).root.fingerprint
    code_only, with_terraform = plan(now, ("health", "hello"), same), plan(now, ("health", "hello"), "another")
    assert [one.name for one in code_only.without({"health"}).services] == ["hello"]
    assert with_terraform.without({"health"}).services == ()
    assert with_terraform.without({"health"}).stacks == ()
    assert with_terraform.without(set()) == with_terraform
