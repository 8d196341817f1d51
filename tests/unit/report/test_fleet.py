"""A fleet for people: its release in words, and the matrix."""

from __future__ import annotations

from dataclasses import replace

from pipeline.fleet.plan import FleetRelease
from pipeline.manifest.fleets import Fleet, Wave
from pipeline.release.verbs.status import ServiceStatus
from pipeline.report.fleet import cell, fleet_lines, matrix
from pipeline.report.markdown.fleet import markdown

FLEET = Fleet("prod", (Wave("one-box", ("a",), bake_s=600.0), Wave("rest", ("b", "c"))))
RELEASE = FleetRelease(
    "prod",
    "20260101T000000-abcdef",
    "c0ffee" * 6 + "c0de",
    "a greeting",
    "arn:me",
    None,
    0.0,
    {target: {"hello": "ab" * 32} for target in "abc"},
)


def status(state: str, **traffic: float) -> ServiceStatus:
    shares = {version.removeprefix("v"): share for version, share in traffic.items()}
    return ServiceStatus("hello", shares, state, None, None, "", "")


def test_a_cell_tells_versions_with_their_shares_and_what_is_not_as_usual() -> None:
    assert cell(status("live", v2=1.0)) == "v2 100 %"
    assert cell(status("walking", v2=0.9, v3=0.1)) == "v2 90 % + v3 10 %, walking"
    assert cell(status("absent")) == "absent"


def test_the_matrix_has_a_row_a_target_and_a_column_a_service() -> None:
    stopped = replace(RELEASE, phase="stopped", finished=("a",), back=("a",), failed={"b": "hello: worse"})
    seen = {"a": (status("live", v1=1.0),), "b": (status("live", v1=1.0),), "c": ()}
    assert matrix(FLEET, stopped, seen) == (
        ["wave", "target", "hello", "this release"],
        [
            ["one-box", "a", "v1 100 %", "taken back"],
            ["rest", "b", "v1 100 %", "failed"],
            ["rest", "c", "-", "not begun"],
        ],
    )


def test_what_is_going_on_is_said_with_what_comes_next() -> None:
    assert fleet_lines(FLEET, None) == ["prod: nothing was released wave by wave yet"]
    assert fleet_lines(FLEET, replace(RELEASE, phase="baking", baking=1.0)) == [
        "prod: wave `one-box` is watched for 600 s",
        "  release  20260101T000000-abcdef of c0ffeec0ffee a greeting",
        "  next     `crabwalk deploy --env prod` goes on with it where nobody does",
    ]


def test_a_jobs_summary_has_the_matrix() -> None:
    said = markdown(FLEET, replace(RELEASE, phase="done", finished=("a", "b", "c")), {"a": (status("live", v1=1.0),)})
    assert said.startswith("## ✅ <code>prod</code>: done\n")
    assert "| one-box | a | v1 100 % | done |" in said
