from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import pipeline.local
from pipeline.errors import ManifestError, UsageError
from pipeline.manifest.environments import Environment
from pipeline.manifest.project import BuildSettings, environment, find_project, load_project


def test_importing_it_stays_light() -> None:
    code = (
        "import sys, pipeline.manifest.project\n"
        "print(sorted({'pydantic', 'rich', 'git', 'boto3', 'botocore', 'yaml', 'click'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_reads_the_declared_environments(tree) -> None:
    project = load_project(tree.root)
    assert project.name == "demo"
    assert project.environments == (
        Environment("staging", "123456789012", "eu-west-1", "crabwalk-demo-staging-123456789012"),
    )
    assert project.function_name("staging", "hello") == "demo-staging-hello"


def test_is_found_from_a_folder_below(tree) -> None:
    tree.write("services/hello/src/main.rs", "")
    assert find_project(tree.root / "services" / "hello") == tree.root.resolve()


def test_no_project_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no crabwalk\.yaml in"):
        find_project(tmp_path)


def test_all_its_problems_come_at_once(tree) -> None:
    tree.write(
        "crabwalk.yaml",
        """crabwalk: 2
project: Demo
sevices: x
services: ../*.yaml
environments:
  staging: {account: 123456789012, regoin: eu-west-1}
  prod: {account: "12", region: Ireland, bucket: B}
  local: {region: eu-west-1}
  UP: {}
  list: []
""",
    )
    with pytest.raises(ManifestError) as caught:
        load_project(tree.root)
    assert [str(problem) for problem in caught.value.problems] == [
        (
            "crabwalk.yaml:1:11: crabwalk: format `2` is newer than this crabwalk, which reads 1, "
            "upgrade crabwalk: this one is 0.1.0"
        ),
        (
            "crabwalk.yaml:2:10: project: `Demo` is not a project name, "
            "up to 20 lower-case letters, digits and hyphens, a letter first"
        ),
        "crabwalk.yaml:3:1: unknown key `sevices`, did you mean `services`?",
        (
            "crabwalk.yaml:4:11: services: `../*.yaml` must name YAML files below the project's folder, "
            "for example `services/*/service.yaml`"
        ),
        "crabwalk.yaml:6:12: environments.staging: the key `region` is missing",
        (
            "crabwalk.yaml:6:22: environments.staging: account: must be text, not `123456789012`, "
            'write "123456789012" in quotes'
        ),
        "crabwalk.yaml:6:36: environments.staging: unknown key `regoin`, did you mean `region`?",
        "crabwalk.yaml:7:19: environments.prod: account: `12` is not an AWS account, 12 digits in quotes",
        "crabwalk.yaml:7:33: environments.prod: region: `Ireland` is not an AWS region, for example `eu-west-1`",
        (
            "crabwalk.yaml:7:50: environments.prod: bucket: `B` is not a bucket's name, "
            "3 to 63 lower-case letters, digits and hyphens"
        ),
        (
            "crabwalk.yaml:8:11: environments.local: `region` cannot be said of the embedded AWS, "
            "it has `controller`, `events`, `github`, `targets`, `waves`"
        ),
        (
            "crabwalk.yaml:9:3: environments: `UP` is not an environment's name, "
            "up to 20 lower-case letters, digits and hyphens, a letter first"
        ),
        "crabwalk.yaml:10:9: environments.list: must be a mapping with account and region, not a list",
    ]


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", BuildSettings()),
        ("build: {}", BuildSettings("cargo-zigbuild", auditable=False, deny="auto")),
        (
            "build: {compiler: cross, auditable: true, deny: required}",
            BuildSettings("cross", auditable=True, deny="required"),
        ),
        ("build: {deny: off}", BuildSettings(deny="off")),
        ('build: {deny: "off"}', BuildSettings(deny="off")),
    ],
)
def test_reads_how_to_build(tree, text: str, settings: BuildSettings) -> None:
    tree.write("crabwalk.yaml", f"crabwalk: 1\nproject: demo\n{text}\n")
    assert load_project(tree.root).build == settings


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("build: zig", ["3:8: build: must be a mapping, not `zig`"]),
        (
            "build: {compiler: zig}",
            ["3:19: build.compiler: `zig` is not possible, known: cargo, cargo-zigbuild, cross"],
        ),
        (
            "build: {compiler: cargo-zig, deny: on}",
            [
                "3:19: build.compiler: `cargo-zig` is not possible, did you mean `cargo-zigbuild`?",
                "3:36: build.deny: `on` is not possible, known: auto, off, required",
            ],
        ),
        ("build: {compiler: [cargo]}", ["3:19: build.compiler: a list is not possible, known: cargo, cargo-zigbuild,"]),
        ("build: {auditable: maybe}", ["3:20: build.auditable: must be true or false, not `maybe`"]),
        ("build: {compilr: cargo}", ["3:9: build: unknown key `compilr`, did you mean `compiler`?"]),
    ],
)
def test_says_what_is_wrong_with_how_to_build(tree, text: str, faults: list[str]) -> None:
    tree.write("crabwalk.yaml", f"crabwalk: 1\nproject: demo\n{text}\n")
    with pytest.raises(ManifestError) as caught:
        load_project(tree.root)
    found = [str(problem) for problem in caught.value.problems]
    assert len(found) == len(faults)
    assert all(one.startswith(f"crabwalk.yaml:{fault}") for one, fault in zip(found, faults, strict=True))


def test_an_environment_by_name(tree) -> None:
    project = load_project(tree.root)
    assert environment(project, "staging").region == "eu-west-1"
    with pytest.raises(UsageError) as caught:
        environment(project, "stagin")
    assert caught.value.what == "no environment `stagin` in crabwalk.yaml"
    assert caught.value.hint == "did you mean `staging`?"


def test_local_is_the_default_only_while_it_is_up(tree, monkeypatch: pytest.MonkeyPatch) -> None:
    project = load_project(tree.root)
    monkeypatch.setattr(
        pipeline.local, "running", lambda: SimpleNamespace(endpoint="http://127.0.0.1:1"), raising=False
    )
    local = environment(project, None)
    assert local == environment(project, "local")
    assert (local.name, local.endpoint, local.bucket) == ("local", "http://127.0.0.1:1", "crabwalk-demo-local")
    assert (local.account, local.region, local.period_s, local.lag_s) == ("000000000000", "us-east-1", 1, 1)
    assert local.credentials == ("test", "test")
    assert local.embedded

    monkeypatch.setattr(pipeline.local, "running", lambda: None, raising=False)
    with pytest.raises(UsageError) as caught:
        environment(project, None)
    assert caught.value.what == "which environment? declared: staging; the embedded AWS is down"
    assert caught.value.hint == "--env staging|local"
    with pytest.raises(UsageError) as caught:
        environment(project, "local")
    assert (caught.value.what, caught.value.hint) == ("the embedded AWS is not running", "crabwalk local up")


def test_the_page_has_every_key_and_its_default() -> None:
    root = Path(__file__).parents[3]
    schema = json.loads((root / "crabwalk.schema.json").read_text())
    page = (root / "docs" / "project.md").read_text()
    found = re.findall(r"^\| `([a-z_]+)` \|.*\| (.*) \|$", page, re.MULTILINE)
    rows = dict(reversed(found))  # `stack` is a key of both; the project's has the default
    environment = schema["properties"]["environments"]["additionalProperties"]["properties"]
    build = schema["properties"]["build"]["properties"]
    assert [key for key, _ in found] == [
        *schema["properties"],
        *environment,
        *[key for key, _ in found if key in build],
    ]
    assert set(build) <= set(rows)
    for key, part in {**schema["properties"], **build}.items():
        if "default" in part:
            assert rows[key] == f"`{str(part['default']).replace('False', 'false')}`"


@pytest.mark.parametrize(
    "said",
    [
        "limit",
        "crabwalk/github-demo-staging-services",
        "arn:aws:iam::123456789012:policy/crabwalk/limit",
        "arn:aws:iam::aws:policy/PowerUserAccess",
    ],
)
def test_the_policy_that_limits_what_roles_can_ever_do(tree, said: str) -> None:
    place = f'account: "123456789012", region: eu-west-1, permissions_boundary: "{said}"'
    tree.write("crabwalk.yaml", f"crabwalk: 1\nproject: demo\nenvironments:\n  staging: {{{place}}}\n")
    assert load_project(tree.root).environments[0].permissions_boundary == said


@pytest.mark.parametrize("said", ["arn:aws:iam::1:policy/x", "arn:aws:iam::123456789012:role/x", "/x", "a b", "${x}"])
def test_what_cannot_be_a_policy(tree, said: str) -> None:
    place = f'account: "123456789012", region: eu-west-1, permissions_boundary: "{said}"'
    tree.write("crabwalk.yaml", f"crabwalk: 1\nproject: demo\nenvironments:\n  staging: {{{place}}}\n")
    with pytest.raises(ManifestError) as caught:
        load_project(tree.root)
    (problem,) = caught.value.problems
    assert str(problem) == (
        f"crabwalk.yaml:4:79: environments.staging: permissions_boundary: `{said}` is not an IAM policy, "
        "its ARN, or its name with its path, for example `crabwalk/github-shop-production-services`"
    )


def of_environment(tree, said: str, name: str = "staging") -> Environment:
    place = "" if name == "local" else 'account: "123456789012", region: eu-west-1, '
    tree.write("crabwalk.yaml", f"crabwalk: 1\nproject: demo\nenvironments:\n  {name}: {{{place}{said}}}\n")
    project = load_project(tree.root)
    found = project.local if name == "local" else project.environments[0]
    assert found is not None
    return found


@pytest.mark.parametrize(
    "said", ["default", "releases", "shop/audit.1", "arn:aws:events:eu-west-1:123456789012:event-bus/releases"]
)
@pytest.mark.parametrize("name", ["staging", "local"])
def test_the_bus_that_is_told(tree, said: str, name: str) -> None:
    assert of_environment(tree, f'events: "{said}"', name).events == said
    assert of_environment(tree, "controller: in-process", name).events is None


@pytest.mark.parametrize(
    "said", ["a b", "arn:aws:events:eu-west-1:1:event-bus/x", "arn:aws:sqs:eu-west-1:123456789012:x"]
)
def test_what_cannot_be_a_bus(tree, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        of_environment(tree, f'events: "{said}"')
    rule = "its name or its ARN; `default` is the one every account has"
    where = "crabwalk.yaml:4:65: environments.staging: events"
    assert [str(one) for one in caught.value.problems] == [f"{where}: `{said}` is not an event bus, {rule}"]


@pytest.mark.parametrize(
    "token", [None, "crabwalk/github", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf"]
)
@pytest.mark.parametrize("name", ["staging", "local"])
def test_the_repository_whose_commits_get_a_status(tree, token: str | None, name: str) -> None:
    more = f', token: "{token}"' if token else ""
    found = of_environment(tree, f"github: {{repository: acme/shop{more}}}", name)
    assert (found.github, found.github_secret) == ("acme/shop", token)
    found = of_environment(tree, "controller: in-process", name)
    assert (found.github, found.github_secret) == (None, None)


@pytest.mark.parametrize("said", ["ghp_0123456789abcdefghijABCDEFGHIJ012345", "github_pat_11ABC_xyz", "two words"])
def test_a_token_in_the_project_file_is_refused_and_shown_nowhere(tree, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        of_environment(tree, f'github: {{repository: acme/shop, token: "{said}"}}')
    (problem,) = map(str, caught.value.problems)
    assert problem.startswith("crabwalk.yaml:4:96: environments.staging: github: token: it is not the name of a secret")
    assert said not in problem


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("github: acme/shop", "4:65: environments.staging: github: must be a mapping with repository, not `acme/shop`"),
        ("github: {}", "4:65: environments.staging: github: the key `repository` is missing"),
        ("github: {repository: shop}", "4:78: environments.staging: github: repository: `shop` is not a repository"),
        (
            "github: {repository: acme/shop, tokn: x}",
            "4:89: environments.staging: github: unknown key `tokn`, did you mean `token`?",
        ),
    ],
)
def test_what_cannot_be_said_of_github(tree, said: str, fault: str) -> None:
    with pytest.raises(ManifestError) as caught:
        of_environment(tree, said)
    (problem,) = map(str, caught.value.problems)
    assert problem.startswith(f"crabwalk.yaml:{fault}")


def test_a_stack_for_all_whose_manifests_name_none(tree) -> None:
    tree.write(
        "crabwalk.yaml",
        """crabwalk: 1
project: demo
stack: shop
environments:
  staging: {account: "123456789012", region: eu-west-1}
  production: {account: "123456789012", region: eu-west-1, stack: service}
""",
    )
    project = load_project(tree.root)
    assert [project.stack_of(one, "hello") for one in ("staging", "production", "local")] == ["shop", "hello", "shop"]


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("environment", "the environment's own state has it"),
        ("Shop", "up to 40 of a-z, 0-9 and -, a letter first; `service` is each service its own"),
    ],
)
def test_what_cannot_be_a_stack(tree, said: str, instead: str) -> None:
    tree.write("crabwalk.yaml", f"crabwalk: 1\nproject: demo\nstack: {said}\n")
    with pytest.raises(ManifestError) as caught:
        load_project(tree.root)
    (problem,) = caught.value.problems
    assert str(problem) == f"crabwalk.yaml:3:8: stack: `{said}` cannot be the name of a stack, {instead}"


def test_the_pages_example_is_valid(tree) -> None:
    page = (Path(__file__).parents[3] / "docs" / "project.md").read_text()
    tree.write("crabwalk.yaml", page.partition("```yaml\n")[2].partition("```")[0])
    assert load_project(tree.root).environments[1].bucket == "shop-releases"
