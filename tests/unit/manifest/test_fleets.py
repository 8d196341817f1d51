"""Environments of many targets: what `crabwalk.yaml` may say of them, and what their members are."""

from __future__ import annotations

import pytest

from pipeline.errors import ManifestError, UsageError
from pipeline.manifest.fleets import Stop
from pipeline.manifest.project import environment, load_project

PROD = """crabwalk: 1
project: demo
environments:
  prod:
    kms: true
    stack: shop
    targets:
      a: {account: "111122223333", region: eu-west-1}
      b: {account: "444455556666", region: eu-west-1, bucket: theirs, role: "arn:aws:iam::444455556666:role/x"}
      c: {account: "111122223333", region: us-east-1}
    waves:
      - {name: one-box, targets: [a], bake: 30 min, on_failure: roll-back, release: {steps: [], min_requests: 7}}
      - {name: rest, targets: [c, b], stop: {services: 3}}
"""
LOCAL = """crabwalk: 1
project: demo
environments:
  local:
    targets:
      a: {region: us-east-1}
      b: {region: eu-west-1, account: "111122223333"}
    waves: [{name: all, targets: [a, b]}]
"""


def test_each_target_is_an_environment_of_its_own(tree) -> None:
    tree.write("crabwalk.yaml", PROD)
    project = load_project(tree.root)
    fleet = project.fleet("prod")
    assert fleet is not None
    assert fleet.members == ("prod-a", "prod-c", "prod-b")
    found = {one.name: one for one in project.environments}
    assert list(found) == ["prod-a", "prod-c", "prod-b"]
    assert (found["prod-b"].account, found["prod-b"].bucket) == ("444455556666", "theirs")
    assert found["prod-b"].role == "arn:aws:iam::444455556666:role/x"
    assert found["prod-a"].bucket == "crabwalk-demo-prod-a-111122223333"
    assert all((one.kms, one.stack, one.fleet) == (True, "shop", "prod") for one in found.values())
    assert project.environment_names == ("prod-a", "prod-c", "prod-b", "prod", "local")
    one_box, rest = fleet.waves
    assert (one_box.bake_s, one_box.on_failure, rest.bake_s, rest.on_failure) == (1800.0, "roll-back", 0.0, "stop")
    assert (one_box.stop, rest.stop) == (Stop(targets=1), Stop(targets=None, services=3))
    assert environment(project, "prod-c").region == "us-east-1"


def test_a_verb_that_works_on_one_asks_for_one(tree) -> None:
    tree.write("crabwalk.yaml", PROD)
    with pytest.raises(UsageError) as caught:
        environment(load_project(tree.root), "prod")
    assert (caught.value.what, caught.value.hint) == (
        "`prod` is 3 targets, and this works on one",
        "name a target: --env prod-a, prod-c, prod-b",
    )


def test_targets_in_the_embedded_aws_are_regions_and_accounts_of_it(tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.write("crabwalk.yaml", LOCAL)
    project = load_project(tree.root)
    a, b = project.environments
    assert (a.region, a.account, a.credentials, a.bucket) == (
        "us-east-1",
        "000000000000",
        ("test", "test"),
        "crabwalk-demo-local-a",
    )
    assert (b.region, b.account, b.credentials) == ("eu-west-1", "111122223333", ("111122223333", "test"))
    assert a.embedded
    assert b.period_s == 1
    monkeypatch.setenv("CRABWALK_LOCAL_DIR", str(tree.root / "down"))
    with pytest.raises(UsageError, match="is not running"):
        environment(project, "local-a")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            ("    kms: true", '    account: "111122223333"'),
            "5:5: environments.prod: `account` is said of each of its `targets`",
        ),
        (
            ("      c: {", "      a-name-of-20-letters: {"),
            (
                "10:7: environments.prod: targets.a-name-of-20-letters: the environment would be called "
                "`prod-a-name-of-20-letters`, which is not an environment's name, "
                "up to 20 lower-case letters, digits and hyphens, a letter first"
            ),
        ),
        (
            ("targets: [a],", "targets: [],"),
            "12:34: environments.prod: waves[0]: targets: must be a list of targets, not a list",
        ),
        (
            ("targets: [a]", "targets: [aa]"),
            "12:35: environments.prod: waves[0]: targets: there is no target `aa`, did you mean `a`?",
        ),
        (("[c, b]", "[c]"), "9:7: environments.prod: targets: `b` is in no wave, every target belongs to one wave"),
        (
            ("[c, b]", "[c, b, a]"),
            "13:38: environments.prod: waves: the target `a` is in `one-box` already, a target belongs to one wave",
        ),
        (("bake: 30 min", "bake: 30"), "12:45: environments.prod: waves[0]: bake: `30` has no unit, write `30 min`"),
        (
            ("{services: 3}", "{services: 0}"),
            "13:56: environments.prod: waves[1]: stop.services: must be a whole number from 1, not `0`",
        ),
        (
            ("{services: 3}", "some"),
            (
                "13:45: environments.prod: waves[1]: stop: must be `any` or a mapping with targets "
                "or services, not `some`, for example `stop: {targets: 2}`"
            ),
        ),
        (
            ("roll-back", "rollback"),
            "12:65: environments.prod: waves[0]: on_failure: `rollback` is not possible, did you mean `roll-back`?",
        ),
        (
            ("iam::444455556666", "iam::999955556666"),
            (
                "9:77: environments.prod: targets.b: role: it is a role of account 999955556666, and the target is in "
                "444455556666, name a role of the target's account"
            ),
        ),
        (
            ("role/x", "user/x"),
            (
                "9:77: environments.prod: targets.b: role: `arn:aws:iam::444455556666:user/x` is not a "
                "role's ARN, for example `arn:aws:iam::111122223333:role/crabwalk/deploy`"
            ),
        ),
        (
            ("name: rest", "name: one-box"),
            "13:16: environments.prod: waves[1]: name: `one-box` is the name of an earlier wave",
        ),
        (
            ("stop: {services", "stopp: {services"),
            "13:39: environments.prod: waves[1]: unknown key `stopp`, did you mean `stop`?",
        ),
        (
            ("release: {steps: [], min_requests: 7}", "release: 7"),
            "12:85: environments.prod: waves[0]: release: must be a mapping, not `7`",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tree, change: tuple[str, str], problem: str) -> None:
    assert change[0] in PROD
    tree.write("crabwalk.yaml", PROD.replace(*change, 1))
    with pytest.raises(ManifestError) as caught:
        load_project(tree.root)
    assert f"crabwalk.yaml:{problem}" in [str(one) for one in caught.value.problems]


def test_targets_without_waves_and_waves_without_targets_are_said(tree) -> None:
    tree.write("crabwalk.yaml", PROD.partition("    waves:")[0])
    with pytest.raises(ManifestError) as caught:
        load_project(tree.root)
    assert [str(one).partition(", ")[0] for one in caught.value.problems] == [
        "crabwalk.yaml:7:5: environments.prod: targets: in which waves they are released is not said"
    ]
    tree.write(
        "crabwalk.yaml", "crabwalk: 1\nproject: demo\nenvironments:\n  prod:\n    waves: [{name: a, targets: [a]}]\n"
    )
    with pytest.raises(ManifestError) as caught:
        load_project(tree.root)
    assert "crabwalk.yaml:5:5: environments.prod: waves: there are no `targets`" in map(str, caught.value.problems)


def test_a_name_that_is_declared_twice_is_said(tree) -> None:
    other = '  prod-a: {account: "111122223333", region: eu-west-1}\n'
    tree.write("crabwalk.yaml", PROD + other)
    with pytest.raises(ManifestError) as caught:
        load_project(tree.root)
    assert [str(one) for one in caught.value.problems] == [
        (
            "crabwalk.yaml:14:3: environments: `prod-a` is declared, and is a target of a fleet, too, "
            "call one of them otherwise"
        )
    ]


def test_a_member_is_overlaid_by_its_fleet_then_its_wave_then_itself(tree) -> None:
    tree.write("crabwalk.yaml", PROD)
    release = "release: {min_requests: 5, steps: [{traffic: 10 %, bake: 5 min}]}"
    tree.service(
        "a",
        f"memory: 128 MB\n{release}\noverlays:\n  prod: {{memory: 256 MB, timeout: 4 s}}\n  prod-c: {{timeout: 5 s}}\n",
    )
    found = {name: tree.load(name)[0] for name in ("staging", "prod", "prod-a", "prod-b", "prod-c")}
    assert {name: one.memory_mb for name, one in found.items()} == {
        "staging": 128,
        "prod": 256,
        "prod-a": 256,
        "prod-b": 256,
        "prod-c": 256,
    }
    assert {name: found[name].timeout_s for name in ("prod-a", "prod-b", "prod-c")} == {
        "prod-a": 4,
        "prod-b": 4,
        "prod-c": 5,
    }
    walked = {name: (one.release.min_requests, len(one.release.steps)) for name, one in found.items()}
    assert walked == {"staging": (5, 1), "prod": (5, 1), "prod-a": (7, 0), "prod-b": (5, 1), "prod-c": (5, 1)}


def test_what_a_wave_says_wrong_of_a_walk_is_told_where_it_stands(tree) -> None:
    tree.write("crabwalk.yaml", PROD.replace("min_requests: 7", "min_request: 7"))
    tree.service("a", "memory: 128 MB\n")
    assert tree.problems() == ["crabwalk.yaml:12:97: release: unknown key `min_request`, did you mean `min_requests`?"]


def test_what_a_fleets_overlay_says_wrong_is_told_once_and_as_the_fleets(tree) -> None:
    tree.write(
        "crabwalk.yaml",
        PROD.replace("release: {steps: [], min_requests: 7}, ", "").replace(
            ", release: {steps: [], min_requests: 7}", ""
        ),
    )
    tree.service("a", "overlays:\n  prod: {memory: 1}\n")
    assert tree.problems() == [
        (
            "services/a/service.yaml:4:18: overlays.prod.memory: `1` has no unit, write a number with MB or GB, "
            "128 MB to 10,240 MB"
        )
    ]
