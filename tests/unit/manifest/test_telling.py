"""Which services are warned of because nothing in their sources tells their failures."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import ManifestError
from pipeline.manifest import check_all

STEPS = "release: {steps: [{traffic: 10 %, bake: 10 min}]"
HTTP = 'triggers:\n  - http: {routes: ["GET /"]}\n'
QUEUE = "resources: {jobs: {sqs: {visibility: 60 s}}}\ntriggers:\n  - schedule: {rate: 1 h}\n  - sqs: {queue: jobs}\n"
WORKER = "lambda_runtime::run(service_fn(handle)).await"


def warned(root: Path, manifest: str, source: str) -> list[str]:
    service = root / "services" / "shop"
    (service / "src").mkdir(parents=True)
    (root / "crabwalk.yaml").write_text("crabwalk: 1\nproject: shop\n")
    (service / "Cargo.toml").write_text('[package]\nname = "shop"\n')
    (service / "src" / "main.rs").write_text("fn main() {}\n")
    (service / "src" / "serving.rs").write_text(source)
    (service / "service.yaml").write_text(f"crabwalk: 1\nname: shop\n{manifest}")
    warnings = []
    check_all(root, warnings)
    return [f"{one.line}:{one.column}: {one.what}, {one.instead}" for one in warnings if "success" in one.what]


def test_requests_that_nothing_tells(tmp_path: Path) -> None:
    assert warned(tmp_path, f"{HTTP}{STEPS}}}\n", "lambda_http::run(service_fn(greet)).await") == [
        (
            "4:5: triggers[0]: what it answers with 500 and above is a success for Lambda, and nothing in its sources "
            "tells it, serve it with `rust_shared::http::run`, or write `checks: {failures: false}` in `release` "
            "(docs/signals.md)"
        )
    ]


def test_records_that_nothing_tells(tmp_path: Path) -> None:
    (said,) = warned(tmp_path, f"{QUEUE}{STEPS}}}\n", WORKER)
    assert said.startswith("6:5: triggers[1]: a record it gives back is part of a success for Lambda")
    assert "call `rust_shared::telemetry::outcomes`" in said


@pytest.mark.parametrize(
    ("manifest", "source"),
    [
        (f"{HTTP}{STEPS}}}\n", "use lambda_http::Error; rust_shared::http::run(router()).await"),
        (f"{HTTP}{STEPS}}}\n", 'lambda_http::run(router()).await; println!("{{\\"CloudWatchMetrics\\":"'),
        (f"{HTTP}{STEPS}}}\n", "our_platform::serve(router())"),
        (f"{HTTP}{STEPS}, checks: {{failures: false}}}}\n", "lambda_http::run(router()).await"),
        (HTTP + "release: {steps: []}\n", "lambda_http::run(router()).await"),
        (f"{HTTP}{STEPS}}}\n", "use lambda_http::Error; http::run_streaming(service_fn(export)).await"),
        (f"{QUEUE}{STEPS}}}\n", f"{WORKER}; events::run_batch(work).await"),
        (f"{QUEUE}{STEPS}}}\n", f"telemetry::outcomes(&event.context, 1, 0); {WORKER}"),
        (f"{QUEUE.replace('queue: jobs', 'queue: jobs, partial_failures: false')}{STEPS}}}\n", WORKER),
        (f"triggers:\n  - schedule: {{rate: 1 h}}\n{STEPS}}}\n", WORKER),
    ],
)
def test_nothing_to_warn_of(manifest: str, source: str, tmp_path: Path) -> None:
    assert warned(tmp_path, manifest, source) == []


EVIDENCE = STEPS.replace("release: {", "release: {evidence: {source: emf}, ")


@pytest.mark.parametrize("manifest", [HTTP, "triggers:\n  - schedule: {rate: 1 h}\n"])
def test_what_nothing_tells_cannot_be_judged_by_the_second(manifest: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as fault:
        warned(tmp_path, f"{manifest}{EVIDENCE}}}\n", "lambda_runtime::run(service_fn(handle)).await")
    (problem,) = fault.value.problems
    assert problem.what == (
        "release.evidence: nothing in its sources tells of its requests, so there is nothing to judge"
    )
    assert problem.line == 3 + manifest.count("\n")


@pytest.mark.parametrize("source", ["rust_shared::events::run(sweep)", "http::run(router())", "lambda_x::run()"])
def test_what_is_told_or_may_be_told_elsewhere_can_be(source: str, tmp_path: Path) -> None:
    assert warned(tmp_path, f"{HTTP}{EVIDENCE}}}\n", f"{source}.await") == []
