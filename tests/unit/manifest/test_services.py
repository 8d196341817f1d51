from __future__ import annotations

import platform

import pytest

from pipeline.manifest import check_all
from pipeline.manifest.models import HttpTrigger, Release, Service, Step
from pipeline.manifest.models_hooks import Smoke

FULL = """description: Greets by name.
architecture: arm64
memory: 128 MB
timeout: 3 s
stack: web
environment: {RUST_LOG: info}
log_retention: 7 days
triggers:
  - http: {routes: ["GET /", "$default"]}
release:
  steps: [{traffic: 10 %, bake: 10 min}, {traffic: 50 %, bake: 10 min}]
  min_requests: 50
  deadline: 2 h
  on_inconclusive: hold
  smoke: [events/hello.json]
overlays:
  local:
    architecture: host
    environment: {GREETING: hi}
    release: {steps: [{traffic: 20 %, bake: 8 s}], deadline: 2 min}
"""


def test_reads_a_full_manifest(tree) -> None:
    tree.write("services/hello/events/hello.json", "{}")
    tree.service("hello", FULL)
    (service,) = tree.load()
    directory = tree.root.resolve() / "services" / "hello"
    assert service == Service(
        name="hello",
        description="Greets by name.",
        architecture="arm64",
        memory_mb=128,
        timeout_s=3,
        stack="web",
        environment={"RUST_LOG": "info"},
        log_retention_days=7,
        triggers=(HttpTrigger(routes=("GET /", "$default")),),
        release=Release(
            steps=(Step(traffic=0.1, bake_s=600), Step(traffic=0.5, bake_s=600)),
            min_requests=50,
            deadline_s=7200,
            on_inconclusive="hold",
            smoke=(Smoke(event="events/hello.json"),),
        ),
        directory=directory,
        file=directory / "service.yaml",
    )
    assert (service.package, service.binary) == ("hello", "hello")
    assert isinstance(hash(service), int)


def test_an_overlay_merges_mappings_and_replaces_the_rest(tree) -> None:
    tree.write("services/hello/events/hello.json", "{}")
    tree.service("hello", FULL)
    (service,) = tree.load("local")
    assert service.architecture == ("arm64" if platform.machine() == "aarch64" else "x86_64")
    assert dict(service.environment) == {"RUST_LOG": "info", "GREETING": "hi"}
    assert service.release.steps == (Step(traffic=0.2, bake_s=8),)
    assert (service.release.deadline_s, service.release.min_requests) == (120, 50)


def test_a_manifest_needs_little(tree) -> None:
    tree.service("b", "")
    tree.service("a", "")
    first, second = tree.load("staging")
    assert (first.name, second.name) == ("a", "b")
    assert (first.stack, first.memory_mb, first.timeout_s, first.triggers) == ("a", 128, 3, ())
    assert first.release.steps == (Step(traffic=0.1, bake_s=600), Step(traffic=0.5, bake_s=600))


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("memroy: 128 MB", "3:1: unknown key `memroy`, did you mean `memory`?"),
        ("memory: 128", "3:9: memory: `128` has no unit, write `128 MB`"),
        ("memory: 64 MB", "3:9: memory: 64 MB is out of range, 128 MB to 10,240 MB"),
        ("memory: 11 GB", "3:9: memory: 11 GB is out of range, 128 MB to 10,240 MB"),
        ("memory: [1]", "3:9: memory: must be a number with a unit, write for example `128 MB`"),
        ("timeout: 16 min", "3:10: timeout: 16 min is out of range, 1 s to 900 s (15 min)"),
        ("timeout: 3", "3:10: timeout: `3` has no unit, write `3 s`"),
        (
            "architecture: host",
            "3:15: architecture: `host` is only for the environment `local`, write it in `overlays.local`",
        ),
        ("architecture: arm", "3:15: architecture: `arm` is not possible, did you mean `arm64`?"),
        ("runtime: provided.al", "3:10: runtime: `provided.al` is not possible, did you mean `provided.al2`?"),
        ("log_retention: 8 days", "3:16: log_retention: CloudWatch Logs cannot keep logs for 8 days, write `7 days`"),
        ("log_retention: 7", "3:16: log_retention: `7` has no unit, write `7 days`"),
        ("tracing: on please", "3:10: tracing: must be true or false, not `on please`"),
        ("description: 5", '3:14: description: must be text, not `5`, write "5" in quotes'),
        ("features: tls", "3:11: features: must be a list, not `tls`"),
        ("stack: My_Stack", "3:8: stack: `My_Stack` is not a name, up to 40 of a-z, 0-9 and -, a letter first"),
        ("environment: {PORT: 8080}", '3:21: environment.PORT: must be text, not `8080`, write "8080" in quotes'),
        ("environment: {PORT: }", "3:21: environment.PORT: must be text, not nothing"),
        ("environment: {AWS_LAMBDA_X: a}", "3:15: environment: `AWS_LAMBDA_X` is reserved by Lambda, remove it"),
        ("environment: {AWS_REGION: a}", "3:15: environment: `AWS_REGION` is reserved by Lambda, remove it"),
        (
            "environment: {a-b: a}",
            "3:15: environment: `a-b` is not a variable's name, letters, digits and _, two or more, a letter first",
        ),
        (
            f"environment: {{BIG: {'x' * 4096}}}",
            "3:14: environment: all variables together take 4106 bytes, Lambda takes 4096",
        ),
        ("triggers: [{htp: {}}]", "3:13: triggers[0]: unknown trigger `htp`, did you mean `http`?"),
        ("triggers: [{http: {}}]", "3:19: triggers[0].http: the key `routes` is missing"),
        (
            "triggers: [{http: {routes: []}}]",
            "3:28: triggers[0].http.routes: 0 routes, at least 1 here",
        ),
        (
            'triggers: [{http: {routes: ["GET /", "FETCH /"]}}]',
            (
                "3:38: triggers[0].http.routes[1]: `FETCH /` is not a route, "
                "write `$default` or a method and a path, for example `GET /`"
            ),
        ),
        (
            "release: {steps: [{traffic: 10, bake: 1 min}]}",
            "3:29: release.steps[0].traffic: `10` has no unit, write `10 %`",
        ),
        (
            "release: {steps: [{traffic: 100 %, bake: 1 min}]}",
            "3:29: release.steps[0].traffic: 100 % is out of range, more than 0 % and less than 100 %",
        ),
        (
            "release: {steps: [{traffic: 50 %, bake: 1 min}, {traffic: 10 %, bake: 1 min}]}",
            "3:59: release.steps[1].traffic: 10 % must be more than the 50 % of the step before it",
        ),
        ("release: {steps: [{traffic: 5 %}]}", "3:19: release.steps[0]: the key `bake` is missing"),
        (
            "release: {deadline: 60 s}",
            "3:21: release.deadline: the steps bake 20 min but the deadline is 60 s, raise `deadline`",
        ),
        (
            "release: {evidence: {source: emf, resolution: 2 s}}",
            "3:47: release.evidence.resolution: 2 s is no resolution, write 1 s, 5 s or 10 s; without it, minutes",
        ),
        ("release: {evidence: {}}", "3:21: release.evidence: the key `source` is missing"),
        (
            "release: {evidence: {source: lambda}}",
            "3:30: release.evidence.source: `lambda` is not possible, known: emf",
        ),
        (
            "release: {evidence: {source: emf}, checks: {failures: false}}",
            (
                "3:21: release.evidence: `failures`, which it would count by the second, is not compared, "
                "remove it, or `failures: false`"
            ),
        ),
        ("release: {min_requests: 0}", "3:25: release.min_requests: 0 requests is out of range, at least 1"),
        ("release: {min_requests: 1.5}", "3:25: release.min_requests: must be a whole number, not `1.5`"),
        (
            "release: {on_inconclusive: rolback}",
            "3:28: release.on_inconclusive: `rolback` is not possible, did you mean `rollback`?",
        ),
        (
            "release: {smoke: [../x.json]}",
            "3:19: release.smoke[0]: `../x.json` must lie inside the service's folder, for example `events/hello.json`",
        ),
        ("release: {smoke: [no.json]}", "3:19: release.smoke: the service's folder has no file `no.json`"),
        ("overlays: []", "3:11: overlays: must be a mapping of environments, not a list"),
        ("overlays: {stagin: {}}", "3:12: overlays: the project has no environment `stagin`, did you mean `staging`?"),
        ("overlays: {staging: {name: b}}", "3:22: overlays.staging: `name` cannot differ by environment"),
        ("overlays: {staging: {memroy: 1}}", "3:22: overlays.staging: unknown key `memroy`, did you mean `memory`?"),
        (
            "overlays: {staging: {memory: 20 GB}}",
            "3:30: overlays.staging.memory: 20 GB is out of range, 128 MB to 10,240 MB",
        ),
        (
            "overlays: {staging: {architecture: host}}",
            (
                "3:36: overlays.staging.architecture: `host` is only for the "
                "environment `local`, write it in `overlays.local`"
            ),
        ),
        (
            "package: other",
            "3:10: package: services/a/Cargo.toml declares the package `a`, not `other`, write `package: a`",
        ),
        ("binary: other", "3:9: binary: the package `a` has no binary `other`, known: a"),
        ("features: [tsl]", "3:12: features: the package `a` has no feature `tsl`, known: default"),
        ('tracing: "true"', "3:10: tracing: must be true or false, not the text `true`, remove the quotes"),
        ("timeout: 1:30", "3:10: timeout: `1:30` has no unit, write `90 s`"),
        ("timeout: 0x10", "3:10: timeout: `0x10` has no unit, write `16 s`"),
        ("timeout: 010", "3:10: timeout: `010` has no unit, write `10 s`"),
        ("memory: 0128", "3:9: memory: `0128` has no unit, write `128 MB`"),
        (
            "timeout: 1000",
            "3:10: timeout: `1000` has no unit, write a number with s or min or h or days, 1 s to 900 s (15 min)",
        ),
        (
            "release: {steps: [{traffic: 5 %, bake: 2 days}]}",
            "3:40: release.steps[0].bake: 2 days is out of range, 1 s to 24 h",
        ),
        (
            "resources: {q: {sqs: {}}}\naccess: [{to: q, allow: [resceive]}]",
            "4:26: access[0].allow[0]: `resceive` is not something to allow, did you mean `receive`?",
        ),
        (
            "triggers: [{http: GET /}]",
            '3:19: triggers[0].http: must be a mapping, write for example `http: {routes: ["GET /"]}`',
        ),
        ("directory: x", "3:1: unknown key `directory`, `crabwalk check --schema -` lists all keys"),
    ],
)
def test_names_the_fault_its_place_and_what_to_write(tree, lines: str, fault: str) -> None:
    tree.service("a", lines + "\n")
    (found,) = tree.problems()
    assert found.startswith(f"services/a/service.yaml:{fault}")


def test_all_problems_of_all_files_at_once(tree) -> None:
    tree.service("a", "memory: 1\ntimeout: 2\n")
    tree.service("b", b"crabwalk: 1\nnam: b\n")
    tree.service("c", b"crabwalk: 3\nname: c\n")
    tree.service("d", b"")
    assert tree.problems() == [
        "services/a/service.yaml:3:9: memory: `1` has no unit, write a number with MB or GB, 128 MB to 10,240 MB",
        "services/a/service.yaml:4:10: timeout: `2` has no unit, write `2 s`",
        "services/b/service.yaml:1:1: the key `name` is missing",
        "services/b/service.yaml:2:1: unknown key `nam`, did you mean `name`?",
        (
            "services/c/service.yaml:1:11: crabwalk: format `3` is newer than this crabwalk, which reads 1, "
            "upgrade crabwalk: this one is 0.1.0"
        ),
        "services/d/service.yaml:1:1: the file is empty, begin with the lines `crabwalk: 1` and `name: NAME`",
    ]


def test_two_services_with_one_name_name_both_places(tree) -> None:
    tree.service("a", "")
    tree.service("b", b"crabwalk: 1\nname: a\npackage: b\n")
    assert tree.problems() == [
        "services/b/service.yaml:2:7: name: `a` is already taken, by services/a/service.yaml:2:7"
    ]


def test_a_function_name_must_fit_lambda(tree) -> None:
    tree.write("crabwalk.yaml", "crabwalk: 1\nproject: a-rather-long-name-x\nenvironments: {}\n")
    name = "s" * 40
    tree.service(name, "")
    (found,) = tree.problems()
    assert found.endswith("would take 67 characters, Lambda takes 64: shorten it by 3")


def test_a_missing_crate_and_unreadable_toml(tree) -> None:
    tree.service("a", "", crate=False)
    tree.service("b", "")
    tree.write("services/b/Cargo.toml", "[package\n")
    missing, unreadable = sorted(tree.problems())
    assert missing.startswith(
        "services/a/service.yaml:2:7: package: there is no services/a/Cargo.toml, a manifest lies"
    )
    assert unreadable.startswith("services/b/Cargo.toml:1:1: cannot be read as TOML")


def test_a_glob_that_matches_nothing_is_a_problem_when_it_is_written(tree) -> None:
    assert tree.problems() == []
    tree.write("crabwalk.yaml", "crabwalk: 1\nproject: demo\nservices: srv/*.yaml\n")
    assert tree.problems() == ["crabwalk.yaml:3:11: services: no file matches `srv/*.yaml`"]


def test_more_binaries_and_features(tree) -> None:
    tree.service("a", "binary: other\nfeatures: [tls, extra, extra/x]\n")
    tree.crate("a", '[features]\ntls = []\n[dependencies]\nextra = {version = "1", optional = true}\n')
    tree.write("services/a/src/bin/other.rs", "fn main() {}\n")
    assert tree.problems() == []


def test_two_names_that_make_one_function_are_refused_where_they_meet(tree) -> None:
    declared = '{a: {account: "111122223333", region: eu-west-1}, a-b: {account: "111122223333", region: %s}}'
    tree.service("c", "")
    tree.service("b-c", "")
    tree.write("crabwalk.yaml", f"crabwalk: 1\nproject: p\nenvironments: {declared % 'eu-west-2'}\n")
    assert tree.problems() == []
    tree.write("crabwalk.yaml", f"crabwalk: 1\nproject: p\nenvironments: {declared % 'eu-west-1'}\n")
    assert tree.problems() == [
        "services/c/service.yaml:2:7: name: `c` in `a-b` and `b-c` in `a` are both `p-a-b-c`, rename one of them"
    ]


def test_what_tools_leave_behind_is_not_searched(tree) -> None:
    tree.write("crabwalk.yaml", "crabwalk: 1\nproject: p\nservices: '**/service.yaml'\n")
    tree.service("a", "")
    tree.write("target/package/service.yaml", "")
    tree.write(".crabwalk/service.yaml", "")
    assert [service.name for service in tree.load()] == ["a"]


def test_a_manifest_that_cannot_be_read_does_not_vanish(tree) -> None:
    tree.service("a", "")
    (tree.root / "services" / "b").mkdir()
    (tree.root / "services" / "b" / "service.yaml").symlink_to("nowhere")
    (tree.root / "services" / "c" / "service.yaml").mkdir(parents=True)
    assert tree.problems() == [
        "services/b/service.yaml:1:1: cannot be read: a link that leads to no file, a manifest is a file",
        "services/c/service.yaml:1:1: cannot be read: a folder, not a file, a manifest is a file",
    ]


def test_a_manifest_with_another_suffix_is_told_of(tree) -> None:
    tree.service("a", "")
    tree.write("services/zz/service.yml", "crabwalk: 1\nname: zz\n")
    warnings: list = []
    check_all(tree.root, warnings)
    assert [str(warning) for warning in warnings] == [
        (
            "services/zz/service.yml:1:1: is not read: manifests are `services/*/service.yaml`, "
            "rename it to service.yaml, or remove it"
        )
    ]


def test_a_circle_names_its_references_and_the_overlay(tree) -> None:
    tree.service("a", "overlays:\n  staging:\n    environment: {OTHER: '${services.b.function.name}'}\n")
    tree.service("b", "environment: {OTHER: '${services.a.function.name}'}\n")
    assert tree.problems() == [
        (
            "services/b/service.yaml:3:22: `a → b → a` refer to each "
            "other in a circle, so none of them can be deployed "
            "first, remove this reference, or another one: "
            "a refers to b at services/a/service.yaml:5:26 (overlays.staging)"
        )
    ]


def test_a_manifest_that_names_no_stack_has_the_projects_and_its_own_counts(tree) -> None:
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
    tree.service("none")
    tree.service("own", "stack: mine\n")
    tree.service("there", "overlays: {production: {stack: web}}\n")
    assert [[one.stack for one in tree.load(name)] for name in (None, "staging", "local", "production")] == [
        ["shop", "mine", "shop"],
        ["shop", "mine", "shop"],
        ["shop", "mine", "shop"],
        ["none", "mine", "web"],
    ]
