"""Applies the usages of the modules' READMEs for real, on the embedded AWS.

A usage is the one `hcl` block below `## Usage` in `modules/NAME/README.md`. All of them fit in one root: every label
in it begins with the module's name (hyphens or underscores), as does every physical name. It has neither a `terraform`
nor a `provider` block, finds the modules as `./modules/NAME`, and a zip in the bucket `crabwalk-usage` under
`artifacts/bootstrap.zip` (`BOOTSTRAP` below: it writes one line with each event to its log, see `seen`).

For whoever works on a module, on a fresh embedded AWS each time, 20 s with everything:

    .venv/bin/python tests/kit/modules_kit.py http-api               # apply, plan again, destroy
    .venv/bin/python tests/kit/modules_kit.py http-api schedule      # both in one root
    .venv/bin/python tests/kit/modules_kit.py http-api --keep        # no destroy: stays until Enter is pressed

It says what the second plan would change, attribute by attribute with both values, and ends 1 if there is anything, or
if something is left in the state after the destroy.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edge_kit
from calls_kit import Asked, Door

from pipeline import local
from pipeline.aws import client, subprocess_environment
from pipeline.errors import CrabwalkError
from pipeline.infra import events, provider, workdir
from pipeline.infra.calls import WITH_ROLES
from pipeline.infra.model import Root
from pipeline.infra.root import LOCK, MAIN, PROVIDER, TERRAFORM_VERSION
from pipeline.infra.terraform import Terraform
from pipeline.manifest.environments import Environment

MODULES = Path(__file__).parents[2] / "modules"
NAMES = sorted(path.parent.name for path in MODULES.glob("*/main.tf"))
BUCKET = "crabwalk-usage"
KEY = "artifacts/bootstrap.zip"
SEEN = "event "
# What the usage of github-oidc makes; who makes roles in an environment must give it to each of them.
BOUNDARY = "arn:aws:iam::000000000000:policy/crabwalk/github-github-oidc-production-services"

# Answers every event; fails on one that says `fail`, and reports the messages of a batch whose body does.
BOOTSTRAP = """
def handle(event, arn):
    say("event " + json.dumps({"arn": arn, "version": VERSION, "event": event}))
    if not isinstance(event, dict):
        return {"version": VERSION}
    if event.get("fail"):
        raise ValueError("asked to fail")
    bad = [one["messageId"] for one in event.get("Records", []) if "fail" in one.get("body", "")]
    return {"version": VERSION, "batchItemFailures": [{"itemIdentifier": one} for one in bad]}
def after(event): pass
"""

_USAGE = re.compile(r"^## Usage\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_CALLED = re.compile(rf'^  source += "\./modules/(?:{"|".join(sorted(WITH_ROLES))})"$', re.MULTILINE)
_BLOCK = re.compile(r"^```hcl\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LABEL = re.compile(r'^(?:resource|data)\s+"[^"]+"\s+"([^"]+)"|^(?:module|output|variable)\s+"([^"]+)"', re.MULTILINE)


def usage(name: str) -> str:
    """The module's usage; ValueError says what is wrong with it."""
    section = _USAGE.search((MODULES / name / "README.md").read_text())
    blocks = _BLOCK.findall(section[1]) if section else []
    if len(blocks) != 1:
        raise ValueError(f"modules/{name}/README.md needs one hcl block below `## Usage`, and has {len(blocks)}")
    text: str = blocks[0]
    if re.search(r"^(terraform|provider)\b", text, re.MULTILINE):
        raise ValueError(f"{name}: the usage must leave `terraform` and `provider` to the root")
    if f'"./modules/{name}"' not in text:
        raise ValueError(f"{name}: the usage does not call the module as ./modules/{name}")
    for label in labels(text):
        if not label.replace("-", "_").startswith(name.replace("-", "_")):
            raise ValueError(f"{name}: the label `{label}` in the usage does not begin with the module's name")
    return text


def labels(text: str) -> list[str]:
    """Names of a usage's resources, modules, outputs and variables."""
    return [resource or other for resource, other in _LABEL.findall(text)]


def root_of(usages: Mapping[str, str], env: Environment) -> Root:
    """One root that holds these usages, with its state beside it."""
    main = {
        "terraform": {"required_version": TERRAFORM_VERSION, "required_providers": {"aws": PROVIDER}},
        "provider": {
            "aws": {"region": env.region, "allowed_account_ids": [env.account], "s3_use_path_style": True},
        },
    }
    bounded = rf'\g<0>\n  permissions_boundary = "{BOUNDARY}"'
    files = {f"usage-{name}.tf": _CALLED.sub(bounded, text).encode() for name, text in usages.items()}
    files |= {MAIN: json.dumps(main).encode(), LOCK: (MODULES / LOCK).read_bytes()}
    for path in MODULES.rglob("*.tf"):
        if ".terraform" not in path.parts:
            files[f"modules/{path.relative_to(MODULES).as_posix()}"] = path.read_bytes()
    return Root("usage", files, "", {})


def environment(running: local.Running) -> Environment:
    """The embedded AWS with the bucket and the zip that usages count on."""
    s3 = edge_kit.client(running, "s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=edge_kit.package(BOOTSTRAP))
    return Environment(
        "local", "000000000000", "us-east-1", BUCKET, running.endpoint, credentials=("test", "test"), embedded=True
    )


@dataclass
class Usage:
    """Usages in one root, in a directory of their own."""

    env: Environment
    directory: Path
    names: tuple[str, ...]

    def apply(self) -> dict[str, Any]:
        """Make everything; return the root's outputs."""
        root = root_of({name: usage(name) for name in self.names}, self.env)
        workdir.write(root, self.directory)
        terraform = self._terraform()
        workdir.initialise(terraform)
        _, messages = terraform.run("apply", "-input=false", "-auto-approve")
        return dict(events.outputs(messages) or {})

    def differences(self) -> list[str]:
        """What another plan would change: one line a resource and attribute."""
        terraform = self._terraform()
        code, _ = terraform.run("plan", "-input=false", "-detailed-exitcode", f"-out={workdir.PLAN}", accept=(0, 2))
        return list(told(terraform.document("show", workdir.PLAN))) if code else []

    def destroy(self) -> list[str]:
        """Take everything away; return the addresses that are still in the state."""
        self._terraform().run("destroy", "-input=false", "-auto-approve")
        self._forget_secrets()
        state = json.loads((self.directory / workdir.STATE).read_text())
        return [f"{one.get('module', '')}.{one['type']}.{one['name']}" for one in state["resources"]]

    def _forget_secrets(self) -> None:
        """Free the names of secrets that wait to be deleted for good: they are used again."""
        secrets = client(self.env, "secretsmanager")
        for secret in secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]:
            if "DeletedDate" in secret:
                secrets.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)

    def _terraform(self) -> Terraform:
        variables = provider.configure(subprocess_environment(self.env), self.directory, (MODULES / LOCK).read_bytes())
        return Terraform(self.directory, variables, lambda _: None)


@dataclass(frozen=True)
class Applied:
    """All usages, made in one root; what the root says of them."""

    usages: Usage
    running: local.Running
    outputs: dict[str, Any]
    door: Door  # through which Terraform calls AWS
    made: set[Asked]  # what it asked of AWS to make them


def told(document: Mapping[str, Any]) -> Iterable[str]:
    """The changes of a plan document in words, with both values: nothing of these usages is secret."""
    for resource in document.get("resource_changes") or ():
        change = resource["change"]
        if set(change["actions"]) <= {"no-op", "read"}:
            continue
        before, after = change.get("before") or {}, change.get("after") or {}
        unknown = change.get("after_unknown") or {}
        head = f"{resource['address']}: {'/'.join(change['actions'])}"
        names = [name for name in {**before, **after} if before.get(name) != after.get(name) and not unknown.get(name)]
        yield from (f"{head} {name}: {_short(before.get(name))} → {_short(after.get(name))}" for name in sorted(names))
        if not names:
            yield head
    for name, change in (document.get("output_changes") or {}).items():
        if change["actions"] != ["no-op"]:
            yield f"output.{name}: {_short(change.get('before'))} → {_short(change.get('after'))}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 600 else f"{text[:600]}…"


def seen(running: local.Running, function: str) -> list[dict[str, Any]]:
    """What the bootstrap of this function was called with so far: `arn` as invoked, `version` that ran, `event`."""
    logs = edge_kit.client(running, "logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
    lines = [one["message"] for page in pages for one in page["events"]]
    return [json.loads(line.removeprefix(SEEN)) for line in lines if line.startswith(SEEN)]


def split(running: local.Running, function: str) -> None:
    """Publish versions 1 and 2 of a usage's function, and give each half of what its alias gets."""
    functions = edge_kit.client(running, "lambda")
    functions.publish_version(FunctionName=function)
    functions.update_function_code(FunctionName=function, ZipFile=edge_kit.package(BOOTSTRAP, salt="second"))
    edge_kit.settle(functions, function)
    functions.publish_version(FunctionName=function)
    halves = {"AdditionalVersionWeights": {"2": 0.5}}
    functions.update_alias(FunctionName=function, Name="live", FunctionVersion="1", RoutingConfig=halves)


def main(arguments: list[str]) -> int:
    """Apply, plan again, destroy; 0 if nothing differs and nothing stays."""
    parser = argparse.ArgumentParser(description="Applies the usages of modules on a fresh embedded AWS.")
    parser.add_argument("names", nargs="+", metavar="MODULE", choices=NAMES)
    parser.add_argument("--keep", action="store_true", help="do not destroy; the server stays until Enter is pressed")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        for variable in [name for name in os.environ if name.startswith(("AWS_", "CRABWALK_"))]:
            del os.environ[variable]
        os.environ["CRABWALK_LOCAL_DIR"] = f"{folder}/aws"
        running = local.up(seed=1)
        try:
            return _try(Usage(environment(running), Path(folder) / "root", tuple(asked.names)), keep=asked.keep)
        except (CrabwalkError, ValueError) as fault:
            sys.stderr.write(f"{fault}\n")
            return 1
        finally:
            local.down()


def _try(tried: Usage, *, keep: bool) -> int:
    say = sys.stdout.write
    say("".join(f"{name} = {json.dumps(value)}\n" for name, value in tried.apply().items()))
    differ = tried.differences()
    say("".join(f"DIFFERS {line}\n" for line in differ) or "second plan: no change\n")
    if keep:
        say(f"endpoint {tried.env.endpoint}, root {tried.directory}; Enter ends it\n")
        sys.stdout.flush()
        sys.stdin.readline()
        return bool(differ)
    left = tried.destroy()
    say("".join(f"LEFT {address}\n" for address in left) or "destroyed: nothing left in the state\n")
    return bool(differ or left)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
