"""The directory a root is written to and initialised in. Writes only below it; keeps `.terraform` between runs."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.errors import TerraformError
from pipeline.infra import locks, provider
from pipeline.infra.binary import find_binary, is_opentofu
from pipeline.infra.model import Root
from pipeline.infra.root import LOCK, MAIN
from pipeline.infra.terraform import Stack, Terraform

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment

PLAN = "plan.tfplan"
STATE = "terraform.tfstate"  # only while an environment has no bucket yet
DATA = ".terraform"
RECORD = f"{DATA}/crabwalk-init"

ERRORED = "errored.tfstate"  # what Terraform writes when it cannot save the state where it belongs

_KEPT = frozenset({STATE, f"{STATE}.backup", ERRORED})

# What Terraform says when its data directory does not fit the root after all.
_NOT_INITIALISED = (
    "Inconsistent dependency lock file",
    "Required plugins are not installed",
    "Missing required provider",
    "Backend initialization required",
    "Module not installed",
    "Module source has changed",
    "Could not load plugin",
    "Failed to load plugin schemas",
    "there is no package for",
)


def prepare(root: Root, env: Environment, directory: Path, on_event: Callable[[str], None]) -> Terraform:
    """Write the root into `directory` and return an initialised Terraform there."""
    record = directory / RECORD
    write(root, directory, keep_lock=record.is_file())
    terraform = reopen(root, env, directory, on_event)
    key = _key(root, terraform)
    needs = _needs(record.read_text() if record.is_file() else "{}", key)
    if needs == "nothing":
        return terraform
    forget(directory)
    if needs == "modules":
        terraform.plain("get", "-no-color")
    else:
        write(root, directory)
        initialise(terraform)
    record.parent.mkdir(exist_ok=True)
    record.write_text(key)
    return terraform


def reopen(root: Root, env: Environment, directory: Path, on_event: Callable[[str], None]) -> Terraform:
    """Return a Terraform in a directory that `prepare` has made ready; changes nothing in it."""
    from pipeline.aws import subprocess_environment

    variables = subprocess_environment(env)
    opentofu = is_opentofu(find_binary(variables))
    variables = provider.configure(variables, directory, root.files[LOCK], opentofu=opentofu)
    return Terraform(directory, variables, on_event, Stack(root.stack, env.name, lambda: _left(env, root.stack)))


def _left(env: Environment, stack: str) -> str | None:
    """Note in the bucket that a run of this stack was killed; the lock it left there."""
    from pipeline.aws.objects import Objects

    objects = Objects(env)
    lock = locks.held(objects, stack)
    if lock is None:
        return None
    objects.put(locks.killed_key(stack), lock.id.encode())
    return lock.id


def initialise(terraform: Terraform) -> None:
    """Run `terraform init`."""
    try:
        with provider.alone(terraform.environment):
            terraform.run("init", "-input=false", "-no-color", "-reconfigure")
    except TerraformError:
        terraform.check_version()  # an old Terraform fails in many ways; this names the cause
        raise


def forget(directory: Path) -> None:
    """Make the next `prepare` initialise again."""
    (directory / RECORD).unlink(missing_ok=True)


def needs_init(error: TerraformError) -> bool:
    """Whether an error says that the directory must be initialised again."""
    return any(marker in error.what for marker in _NOT_INITIALISED)


def write(root: Root, directory: Path, *, keep_lock: bool = False) -> None:
    """Make the directory hold the root's files and none of an earlier root's; unchanged files are not touched."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(stat.S_IRWXU)  # plans and environment variables can hold values that are nobody else's business
    for path in sorted(directory.rglob("*"), reverse=True):
        name = path.relative_to(directory).as_posix()
        if name.split("/")[0] == DATA or name in _KEPT or name in root.files:
            continue
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        else:
            path.unlink()
    for name, content in root.files.items():
        path = directory / name
        if name == LOCK and keep_lock and path.is_file():
            continue  # init may have added hashes of this machine's package
        if path.is_file() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}.new")
        partial.write_bytes(content)
        partial.replace(path)


def _key(root: Root, terraform: Terraform) -> str:
    """All that an initialised directory depends on: lock, backend, providers, modules, Terraform, provider source."""
    main = json.loads(root.files[MAIN])
    binary = Path(terraform.binary).resolve()
    config = terraform.environment.get(provider.CLI_CONFIG)
    relevant = {
        "lock": hashlib.sha256(root.files[LOCK]).hexdigest(),
        "terraform": main["terraform"],
        "modules": {name: call["source"] for name, call in main.get("module", {}).items()},
        "required": {name: _sha(content) for name, content in _versions(root.files).items()},
        "binary": [str(binary), binary.stat().st_mtime_ns, binary.stat().st_size],
        "config": [config, Path(config).read_text() if config else ""],
    }
    return json.dumps(relevant, sort_keys=True)


def _needs(before: str, now: str) -> Literal["nothing", "modules", "init"]:
    """What a directory that was made ready for one key needs for another.

    The second phase of a first release only has more calls: they are entered without a look at backend and provider,
    which takes seconds. Calls that are gone stand in nobody's way. A provider that a new module wants and that is not
    there is found by the plan, which then initialises.
    """
    new = json.loads(now)
    try:
        old = json.loads(before)
    except ValueError:  # a run died while it wrote it
        return "init"
    parts = ("modules", "required")
    if any(old.get(name) != new[name] for name in new.keys() - parts):
        return "init"
    if any(old[part].get(name, value) != value for part in parts for name, value in new[part].items()):
        return "init"
    return "modules" if new["modules"].keys() - old["modules"].keys() else "nothing"


def _versions(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name.endswith("/versions.tf")}


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
