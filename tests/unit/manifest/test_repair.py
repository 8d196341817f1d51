"""One run names every fault: what is faulty does not keep the rest from being judged, and no default is blamed."""

from __future__ import annotations

import pytest

A = "services/a/service.yaml"


def places(tree) -> list[str]:
    return [problem.removeprefix(f"{A}:").split(": ")[0] for problem in tree.problems()]


def test_rules_across_keys_are_judged_beside_faulty_keys(tree) -> None:
    tree.write("services/a/events/x.json", "{bad")
    tree.service(
        "a",
        "memory: 1 MB\n"
        "concurrency: {provisioned: 5, reserved: 2}\n"
        "budget: {warn: 60 MB, fail: 50 MB}\n"
        "release:\n"
        "  steps: [{traffic: 50 %, bake: 2 h}, {traffic: 10, bake: 1 min}, {traffic: 20 %, bake: 1 s}]\n"
        "  smoke: [events/x.json, events/y.json, ../z]\n"
        "  deadline: 1 h\n",
    )
    assert places(tree) == [
        "services/a/events/x.json:1:2",
        "3:9",
        "4:28",
        "5:16",
        "7:49",
        "7:77",
        "8:26",
        "8:41",
        "9:13",
    ]


def test_faults_of_one_list_do_not_hide_each_other(tree) -> None:
    tree.service(
        "a",
        "triggers:\n"
        "  - http: {routes: [FETCH, GET /, GET /]}\n"
        "  - sqs: {queue: jobs, batch: 10}\n"
        "  - sqs: {queue: jobs, batch: 10}\n"
        "  - htp: {routes: [1]}\n"
        "  - http: {routes: [PUT, GET /x]}\n"
        "  - sqs: {queue: jobz}\n"
        "resources: {jobs: {sqs: {}}}\n",
    )
    assert places(tree) == ["4:21", "4:35", "6:5", "7:5", "8:5", "8:21", "9:18"]


def test_binary_and_features_are_judged_beside_a_wrong_package(tree) -> None:
    tree.service("a", "package: b\nbinary: no\nfeatures: [x, 'y z']\n")
    assert places(tree) == ["3:10", "4:9", "5:12", "5:15"]


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        ("concurrency: {provisioned: 1}\nrelease: {stepz: []}", "4:11"),
        ("timeout: 30\ntriggers: [{sqs: {queue: jobs}}]\nresources: {jobs: {sqs: {visibility: 10 s}}}", "3:10"),
        ("triggers: [{sqs: {queue: jobs}}]\nresources: {jobs: {sqs: {visibility: 60}}}\ntimeout: 10 s", "4:38"),
        ("triggers: [{sqs: {queue: jobs}}]\nresources: [jobs]", "4:12"),
        ("dead_letter: jobs\nresources: {jobs: {sqz: {}}}", "4:20"),
        ("kind: extenson\nmemory: 256 MB", "3:7"),
        ("triggers: [{schedule: {cron: x}}]", "3:30"),
        ("triggers: [{http: {routes: [GET]}}]", "3:29"),
        ("package: 'a b'", "3:10"),
    ],
)
def test_a_default_in_the_place_of_a_fault_is_not_blamed(tree, lines: str, where: str) -> None:
    tree.service("a", lines + "\n")
    assert places(tree) == [where]


def test_a_faulty_name_hides_nothing(tree) -> None:
    tree.service("a", b"crabwalk: 1\nname: A\nmemory: 1 MB\nrelease: {smoke: [no.json]}\n")
    assert places(tree) == ["2:7", "3:9", "4:19"]


def test_what_refers_to_a_faulty_service_is_not_blamed(tree) -> None:
    tree.service("a", "environment: {AX: '${services.b.t.name}', BY: '${services.c.t.name}'}\n")
    tree.service("b", "resources: {t: {dynamodb: {}}}\n")
    assert [problem.split(": ")[0] for problem in tree.problems()] == [f"{A}:3:47", "services/b/service.yaml:3:27"]


def test_overlays_are_judged_the_same(tree) -> None:
    tree.service("a", "overlays:\n  staging:\n    memory: 1 MB\n    release: {smoke: [no.json], deadline: 1 s}\n")
    assert places(tree) == ["5:13", "6:23", "6:43"]
