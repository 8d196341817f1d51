"""Whatever stands in a manifest: a report or a model in time, and no value that becomes code, an option or a path."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import build_kit
import pytest
from hostile_kit import BYTES, SECONDS, VALUES, judged
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from rich_kit import make_project

from pipeline.build.cargo_lambda import command
from pipeline.build.model import Target
from pipeline.infra import Placement, Root, Scope, parts, render
from pipeline.infra.root import MAIN
from pipeline.manifest.environments import Environment
from pipeline.manifest.models import Manifest, Service
from pipeline.manifest.project import Project
from pipeline.manifest.rules import FROM_YAML

KIT = Path(__file__).parents[2] / "kit"
MODULES = Path(__file__).parents[3] / "modules"
ENV = Environment("staging", "123456789012", "eu-west-1", "crabwalk-demo-staging")
QUICK = settings(max_examples=60, derandomize=True)

# What crabwalk itself writes as templates, and constants that no manifest is in.
OWN = re.compile(
    r"\$\{module\.[a-z0-9-]+(?:_[a-z]+)?\.[a-z_]+\}|\$\{lookup\(var\.artifacts, \"[a-z0-9-]+\", \"[a-z0-9/.-]+\"\)\}"
)
MARKER = re.compile(r"\$\$\{|%%\{|\$\{|%\{")
PLAIN = re.compile(r"[A-Za-z0-9 _./:()'>=~-]*\Z")

FRAGMENTS = st.sampled_from(
    [
        *('$${file("/etc/passwd")}', "$${", "$$${", "%{if true}", "%%{x}", "%{", "$", "%", "{", "}", '"', "'", "`id`"),
        *("\\", "\\n", "\n", "\t", "../../", "/", "-", "--config=x", "$(id)", "; rm -rf /", "&&", "<<EOF\n", "*/", "#"),
        *("é", "🦀", "\u202e", "${services.a.function.name}", "${services.b.role.arn}", "a", "B", "0", " "),
    ]
)
TEXTS = st.lists(FRAGMENTS, max_size=5).map("".join)
LINES = TEXTS.map(lambda text: re.sub(r"[\x00-\x1f]", "", text.replace("${services", "$${services")))


def run(folder: Path, mutations: int, documents: int, seed: int) -> dict[str, Any]:
    st.text().validate()  # hypothesis' tables of characters are made once and kept on disk: not the manifests' memory
    program = [sys.executable, str(KIT / "hostile_kit.py")]
    arguments = [str(mutations), str(documents), str(seed), str(folder / "project")]
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    result = json.loads(done.stdout)
    assert isinstance(result, dict)
    return result


def test_two_thousand_hostile_manifests_are_a_report_or_a_model(tmp_path: Path) -> None:
    result = run(tmp_path, 1600, 400, seed=20260101)
    assert result["count"] >= 2000
    assert 20 < result["valid"] < 1500
    assert result["slowest_s"] < SECONDS
    assert result["grown_bytes"] < BYTES


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(20))
def test_a_hundred_thousand_hostile_manifests(tmp_path: Path, part: int) -> None:
    seed = secrets.randbelow(2**32)
    result = run(tmp_path, 4000, 1000, seed)
    print(f"part {part}, seed {seed}: {result}")  # noqa: T201 - to repeat it with
    assert result["count"] >= 5000
    assert result["slowest_s"] < SECONDS
    assert result["grown_bytes"] < BYTES


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hostile") / "project"
    make_project(root)
    (root / "services/b/service.yaml").write_text("crabwalk: 1\nname: b\n")
    return root


def accepted(root: Path, **keys: Any) -> Any:
    """The service of a manifest with these keys; None when it was refused, which must be said."""
    (root / "services/a/service.yaml").write_text(json.dumps({"crabwalk": 1, "name": "a", **keys}, ensure_ascii=False))
    return next((service for service in judged(root) if service.name == "a"), None)


def rendered(root: Path, service: Service) -> Root:
    scope = Scope(Project("demo", root), ENV)
    return render(scope, "a", [Placement(service, parts.calls(scope, service, released=True))], MODULES)


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in strings(part)]
    return [text for part in value for text in strings(part)] if isinstance(value, (list, tuple)) else []


def undone(text: str) -> str:
    """What Terraform makes of a string; a template in it is an AssertionError."""

    def literal(match: re.Match[str]) -> str:
        assert match[0] in {"$${", "%%{"}, f"a template in {text!r}"
        return match[0][1:]

    return MARKER.sub(literal, text)


@QUICK
@given(TEXTS, LINES, LINES, st.sampled_from(VALUES))
def test_no_value_becomes_terraform(project: Path, value: str, line: str, tag: str, odd: str) -> None:
    route = f"GET /{re.sub(r'[^a-z{}$%.-]', '', tag)}"
    keys = {
        "description": line[:256],
        "environment": {"AB": value},
        "tags": {"odd": re.sub(r"[^A-Za-z0-9 _.:/=+@-]", "", tag)[:200]},
        "triggers": [{"http": {"routes": [route]}}],
    }
    service = accepted(project, **keys) or accepted(project, **{**keys, "triggers": []})
    assert service is not None or "${" in value or "\x00" in value
    for candidate in (service, accepted(project, description=odd), accepted(project, environment={"AB": odd})):
        if candidate is None:
            continue
        settled = Scope(Project("demo", project), ENV).ready(candidate).service
        root = rendered(project, settled)
        meant = {*strings(settled.model_dump(mode="json")), "demo-staging-a", ENV.bucket, "a"}
        for text in strings(json.loads(root.files[MAIN])):
            rest = OWN.sub("", text)
            assert undone(rest) in meant or PLAIN.match(rest), text
        assert json.loads(root.files[MAIN])["module"]["a"]["environment"] == {
            name: text.replace("${", "$${").replace("%{", "%%{") for name, text in settled.environment.items()
        }
        for name in root.files:
            assert ".." not in PurePosixPath(name).parts
            assert not name.startswith("/")


@QUICK
@given(st.sampled_from(VALUES), st.sampled_from(["name", "stack", "package", "binary"]))
def test_no_name_leaves_its_folder_or_becomes_code(project: Path, value: str, key: str) -> None:
    service = accepted(project, **{key: value})
    if service is not None:
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", getattr(service, key))


def test_terraform_itself_reads_every_value_as_it_was_meant(project: Path, tmp_path: Path) -> None:
    values = [value for value in VALUES if "\x00" not in value and value.isprintable() and len(value) < 1000]
    values += [
        f"{one}{two}" for one in ("$", "$$", "%", "\\", '"', "${", "%{") for two in ("${x}", "$${x}", "%{if x}", "}")
    ]
    modules = {}
    for number, value in enumerate(values):
        service = accepted(project, description=value) if len(value) <= 256 else None
        if service is not None:
            main = json.loads(rendered(project, service).files[MAIN])
            modules[f"o{number}"] = {"value": main["module"]["a"]["description"]}
    assert len(modules) > 60
    (tmp_path / "main.tf.json").write_text(json.dumps({"output": modules}))
    for arguments in (["apply", "-auto-approve"], ["output", "-json"]):
        done = subprocess.run(["terraform", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    assert {name: out["value"] for name, out in read.items()} == {
        f"o{number}": values[number] for number in (int(name[1:]) for name in modules)
    }


@QUICK
@given(
    st.sampled_from(["package", "binary", "features"]),
    st.one_of(st.sampled_from(VALUES), LINES, st.from_regex(r"\A-?[A-Za-z0-9_/,+. -]{1,12}\Z")),
)
def test_no_value_becomes_an_option_of_cargo(key: str, value: str) -> None:
    data = {"name": "a", key: [value] if key == "features" else value}
    try:
        manifest = Manifest.model_validate(data, context=FROM_YAML)
    except ValidationError:
        return
    harmless = replace(build_kit.cargo_run(), features=("tls",))
    target = replace(harmless.targets[0].wanted, package=manifest.package, binary=manifest.binary)
    run = replace(harmless, packages=(target.package,), features=manifest.features, targets=(Target(target, "key"),))
    options = {part for part in command(harmless, Path("/out"), Path("/bin/cargo-lambda")) if part.startswith("-")}
    made = command(run, Path("/out"), Path("/bin/cargo-lambda"))
    assert {part for part in made if part.startswith("-")} <= options
    assert (made[made.index("--package") + 1], made[made.index("--bin") + 1]) == (target.package, target.binary)
    assert not manifest.features or made[made.index("--features") + 1] == value
    assert not set(value) & set(", ;$`'\"\\")
