from __future__ import annotations

import pytest

from pipeline.manifest.project import load_project
from pipeline.manifest.services import read_services
from pipeline.quotas import SYNC_BYTES

CRATE = """[features]
tls = []
[dependencies]
extra = {version = "1", optional = true}
serde = "1"
[target.'cfg(unix)'.dependencies]
libc = "1"
"""
SMOKE = "release: {smoke: [events/x.json]}\n"


@pytest.mark.parametrize(
    ("features", "fault"),
    [
        ("tls, extra, default, serde/derive, libc/std, a/tls", ""),
        ("tsl", "3:12: features: the package `a` has no feature `tsl`, did you mean `tls`?"),
        ("serde", "3:12: features: the package `a` has no feature `serde`, known: default, extra, tls"),
        ("tls, sered/derive", "3:17: features: the package `a` has no dependency `sered`, did you mean `serde`?"),
    ],
)
def test_features_are_the_packages(tree, features: str, fault: str) -> None:
    tree.service("a", f"features: [{features}]\n")
    tree.crate("a", CRATE)
    assert tree.problems() == ([f"services/a/service.yaml:{fault}"] if fault else [])


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        (b'{"a": [1]}', ""),
        (b"\xef\xbb\xbf{}", ""),
        (b'{\n  "a": x\n}', "services/a/events/x.json:2:8: not JSON: Expecting value"),
        (b"", "services/a/events/x.json:1:1: not JSON: Expecting value"),
        (b"\xff\xfe\xfd", "services/a/events/x.json:1:1: not JSON that can be read"),
        (b"[" * 100_000, "services/a/events/x.json:1:1: not JSON that can be read"),
        (
            b'"' + b"x" * SYNC_BYTES + b'"',
            (
                "services/a/service.yaml:3:19: release.smoke: `events/x.json` is larger than the 6 MB that Lambda takes"
                ", send less"
            ),
        ),
    ],
)
def test_an_event_is_json_that_lambda_takes(tree, event: bytes, fault: str) -> None:
    tree.service("a", SMOKE)
    tree.write("services/a/events/x.json", event)
    assert tree.problems() == ([fault] if fault else [])


def test_an_event_that_leads_elsewhere_is_none_of_the_service(tree) -> None:
    tree.service("a", SMOKE)
    tree.write("x.json", "{}")
    tree.write("services/a/events/y.json", "{}")
    (tree.root / "services/a/events/x.json").symlink_to("../../../x.json")
    (found,) = tree.problems()
    assert found.endswith(
        "release.smoke: the service's folder has no file `events/x.json`, did you mean `events/y.json`?"
    )


def test_events_are_looked_for_wherever_they_are_named(tree) -> None:
    lines = (
        "release:\n  smoke: [{event: events/x.json, status: 200}]\n  probe: {events: [events/x.jsn, events/big.json]}\n"
    )
    tree.service("a", lines)
    tree.write("services/a/events/x.json", "{")
    tree.write("services/a/events/big.json", b'"' + b"x" * SYNC_BYTES + b'"')
    assert tree.problems() == [
        "services/a/events/x.json:1:2: not JSON: Expecting property name enclosed in double quotes",
        (
            "services/a/service.yaml:5:20: release.probe.events: the service's folder has no file `events/x.jsn`, "
            "did you mean `events/x.json`?"
        ),
        (
            "services/a/service.yaml:5:34: release.probe.events: `events/big.json` "
            "is larger than the 6 MB that Lambda takes, send less"
        ),
    ]


def test_a_command_of_the_service_is_there_and_can_be_executed(tree) -> None:
    tree.service(
        "a", "release: {hooks: {before: [{command: [./a.sh]}, {command: [git]}], after: [{command: [./b.sh]}]}}\n"
    )
    tree.write("services/a/b.sh", "#!/bin/sh\n")
    assert tree.problems() == [
        "services/a/service.yaml:3:39: release.hooks.before: the service's folder has no file `./a.sh`",
        "services/a/service.yaml:3:87: release.hooks.after: `./b.sh` cannot be executed, chmod +x ./b.sh",
    ]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ('{"requestContext": {"http": {"method": "GET"}}}', []),
        ('{"own": 1}', []),
        ("[]", []),
        (
            '{"requestContext": {"http": {"method": "POST"}}}',
            ["3:28: release.probe.events[0]: `p.json` is a POST, and a probe is sent again and again"],
        ),
        (
            '{"httpMethod": "delete", "requestContext": {"stage": "x"}}',
            ["3:28: release.probe.events[0]: `p.json` is a DELETE, and a probe is sent again and again"],
        ),
        (
            '{"Records": []}',
            ["3:28: release.probe.events[0]: `p.json` is taken for real records, and a probe is sent again and again"],
        ),
    ],
)
def test_a_probe_that_looks_as_if_it_changed_something_is_a_warning(tree, event: str, said: list[str]) -> None:
    tree.service("a", "release: {probe: {events: [p.json]}}\n")
    tree.write("services/a/p.json", event)
    problems: list = []
    warnings: list = []
    read_services(load_project(tree.root), None, problems, warnings)
    assert problems == []
    assert [f"{one.line}:{one.column}: {one.what}" for one in warnings] == said


def test_a_probe_needs_a_step_to_be_sent_in(tree) -> None:
    tree.service("a", "release: {steps: [], probe: {events: [p.json]}}\n")
    tree.write("services/a/p.json", "{}")
    warnings: list = []
    read_services(load_project(tree.root), None, [], warnings)
    assert [one.what for one in warnings] == ["release.probe: no step is there during which probes could be sent"]


def test_an_extension_is_a_package_too(tree) -> None:
    tree.service("a", "kind: extension\nbinary: other\ninputs: [proto]\n")
    assert tree.problems() == [
        "services/a/service.yaml:4:9: binary: the package `a` has no binary `other`, known: a",
        (
            "services/a/service.yaml:5:10: inputs: the project has no file or folder `proto`, "
            "known: crabwalk.yaml, services"
        ),
    ]


@pytest.mark.parametrize("text", ["[package\n", "a = " + "9" * 5000, "a = " + "[" * 5000, b"\xff\xfe"])
def test_a_cargo_file_that_cannot_be_read_is_told(tree, text: str | bytes) -> None:
    tree.service("a", "")
    tree.write("services/a/Cargo.toml", text)
    (found,) = tree.problems()
    assert found.startswith("services/a/Cargo.toml:1:1: cannot be read as TOML: ")
