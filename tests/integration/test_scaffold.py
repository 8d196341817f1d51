"""What `new` writes is built by `crabwalk build`, answers its sample events, and is clean and tested as Rust goes."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import environment_kit
import pytest
import scaffold_kit
from shop_kit import Scratch

from pipeline.local.runtime_api import Environment, Function
from pipeline.manifest import check_all

PATIENCE = 120
HOST = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
QUICK = ("a-http", "a-sqs", "a-extension")
STRICT = ("--", "-W", "clippy::pedantic", "-W", "missing-docs", "-D", "warnings")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffold_kit.generate(tmp_path_factory.mktemp("scaffold") / "repository", shared=False)


def built(root: Path, *services: str) -> dict[str, Path]:
    """Their packages for this machine, by one run; from the store from the second time on."""
    done = Scratch(root, "kinds").start("build", *services, "--env", "local", "--output", "json").end(900)
    assert done.code == 0, done.said
    artifacts = {one["service"]: one for one in done.json["artifacts"]}
    assert {one["architecture"] for one in artifacts.values()} == {HOST}
    return {name: Path(artifacts[name]["path"]) for name in services}


def program(package: Path, folder: Path) -> Path:
    """The one file of a package, ready to run."""
    with zipfile.ZipFile(package) as archive:
        (entry,) = archive.namelist()
        path = Path(archive.extract(entry, folder))
    path.chmod(0o755)
    return path


def answer(package: Path, event: bytes, folder: Path) -> tuple[Any, list[dict[str, Any]]]:
    """What the packaged function answers, and the lines it logs."""
    function = Function("it", version="7", timeout_s=PATIENCE)
    command = [str(program(package, folder))]
    with Environment(function, command, function.environment(str(folder), {})) as environment:
        environment.start(PATIENCE)
        done = environment.invoke(event, request_id="request-1")
        environment.close()
        lines = [*done.lines, *environment.lines()]
    assert done.error_type is None, done.body
    return json.loads(done.body), [json.loads(line) for line in lines]


def sample(root: Path, service: str) -> bytes:
    return (root / "services" / service / "events" / f"{service}.json").read_bytes()


def observed(package: Path, folder: Path) -> list[dict[str, Any]]:
    """What the packaged extension logs of an invocation and its end."""
    path = program(package, folder)
    function = Function("it", timeout_s=PATIENCE)
    command = environment_kit.bootstrap(folder, "def handle(event, headers): return event")
    variables = function.environment(str(folder), {})
    with Environment(function, command, variables, extensions={path.name: [str(path)]}) as environment:
        environment.start(PATIENCE)
        done = environment.invoke(b"{}")
        environment.close()
        return [json.loads(line) for line in (*done.lines, *environment.lines())]


def test_a_new_repository_checks_builds_and_answers(plain: Path, tmp_path: Path) -> None:
    assert [service.name for service in check_all(plain)[1]] == sorted(scaffold_kit.SERVICES)
    packages = built(plain, *QUICK)
    body, lines = answer(packages["a-http"], sample(plain, "a-http"), tmp_path / "http")
    assert (body["statusCode"], body["body"]) == (200, "Hello, Ada!")
    assert [(line["level"], line["message"], line["name"]) for line in lines] == [("INFO", "greeting", "Ada")]
    body, lines = answer(packages["a-sqs"], sample(plain, "a-sqs"), tmp_path / "sqs")
    assert body == {"batchItemFailures": []}
    assert [(line["message"], line["job"]) for line in lines] == [("worked off", "j-1"), ("worked off", "j-2")]
    (line,) = observed(packages["a-extension"], tmp_path / "extension")
    assert (line["message"], line["sent"]) == ("flushed", 1)


ANSWERS: dict[str, Any] = {
    "a-s3": None,
    "a-schedule": "reports/2026-01-01T03:00:00Z.json",
    "a-event": None,
    "a-stream": {"batchItemFailures": []},
    "a-enrich": [{"kind": "order", "id": "o-1", "totalCents": 5980}, {"kind": "order", "id": "o-2", "totalCents": 499}],
}


@pytest.mark.parametrize("shared", [False, True], ids=["plain", "shared"])
def test_what_a_generated_repository_depends_on_is_pinned(shared: bool, tmp_path: Path) -> None:
    root = scaffold_kit.generate(tmp_path / "repository", shared=shared)
    command = ("cargo", "metadata", "--locked", "--format-version", "1")
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stderr}write the locks anew: .venv/bin/python tests/kit/scaffold_kit.py"


@pytest.mark.exhaustive
def test_every_kind_is_built_and_answers(plain: Path, tmp_path: Path) -> None:
    packages = built(plain, *scaffold_kit.SERVICES)
    for name, expected in ANSWERS.items():
        assert answer(packages[name], sample(plain, name), tmp_path / name)[0] == expected
    body, _ = answer(packages["a-axum"], sample(plain, "a-axum"), tmp_path / "axum")
    assert (body["statusCode"], body["body"]) == (200, "Hello, Ada!")
    body, _ = answer(packages["a-cognito"], sample(plain, "a-cognito"), tmp_path / "cognito")
    details = body["response"]["claimsAndScopeOverrideDetails"]
    assert details["accessTokenGeneration"]["claimsToAddOrOverride"] == {"tenant": "acme"}
    assert body["request"] == json.loads(sample(plain, "a-cognito"))["request"] | {"clientMetadata": {}}


@pytest.mark.exhaustive
@pytest.mark.parametrize("shared", [False, True], ids=["plain", "shared"])
def test_every_kind_is_formatted_clean_and_tested(shared: bool, tmp_path: Path) -> None:
    root = scaffold_kit.generate(tmp_path / "repository", shared=shared)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crabwalk" / "scaffold"
    own = {"CARGO_TARGET_DIR": str(cache), "CARGO_INCREMENTAL": "0", "CARGO_PROFILE_DEV_DEBUG": "0"}
    for command in (
        ("cargo", "fmt", "--all", "--check"),
        ("cargo", "clippy", "--quiet", "--locked", "--workspace", "--all-targets", *STRICT),
        ("cargo", "test", "--quiet", "--locked", "--workspace"),
    ):
        done = subprocess.run(command, cwd=root, env={**os.environ, **own}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("test result: ok.") >= len(scaffold_kit.SERVICES)
