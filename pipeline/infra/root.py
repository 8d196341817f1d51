"""What every Terraform root has, whatever it makes: backend, provider, module sources and lock, fingerprint.

Reads the module sources; writes nothing, starts nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UsageError
from pipeline.infra.calls import literal

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.project import Project

MAIN = "main.tf.json"
ARTIFACTS = "artifacts.auto.tfvars.json"
LOCK = ".terraform.lock.hcl"
TERRAFORM_VERSION = ">= 1.10"  # the first with use_lockfile
PROVIDER = {"source": "hashicorp/aws", "version": "~> 5.100"}

_SIBLING = re.compile(rb'^\s*source\s*=\s*"\.\./([a-z0-9-]+)"', re.MULTILINE)
_WHERE = "the folder `modules` with its .terraform.lock.hcl belongs to the repository"


def terraform_block(env: Environment, stack: str) -> dict[str, Any]:
    """The versions a root takes and where its state lies: in the environment's bucket."""
    backend: dict[str, Any] = {
        "bucket": literal(env.bucket),
        "key": literal(state_key(stack)),
        "region": env.region,
        "use_lockfile": True,
        # Said out loud it means S3's own key, and the bucket's would not be used.
        "encrypt": not env.kms,
        "allowed_account_ids": [env.account],
    }
    if env.endpoint is not None:
        backend["use_path_style"] = True
    return {
        "required_version": TERRAFORM_VERSION,
        "required_providers": {"aws": PROVIDER},
        "backend": {"s3": backend},
    }


def state_key(stack: str) -> str:
    """Key of a stack's state in the environment's bucket."""
    return f"terraform/{stack}.tfstate"


def provider_block(project: Project, env: Environment) -> dict[str, Any]:
    """The provider of the environment's account and region, with the tags of everything it makes."""
    provider: dict[str, Any] = {
        "region": env.region,
        "allowed_account_ids": [env.account],  # never the wrong account, whatever credentials are at hand
        "default_tags": {
            "tags": {"crabwalk:project": literal(project.name), "crabwalk:environment": literal(env.name)}
        },
    }
    if env.endpoint is not None:
        provider["s3_use_path_style"] = True
    return provider


def sources(modules: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The modules' own files (not their tests), those of the modules they call, and the provider lock.

    Raises UsageError where one is missing or cannot be read.
    """
    files: dict[str, bytes] = {}
    waiting = set(names)
    try:
        files[LOCK] = (modules / LOCK).read_bytes()
        while waiting:
            name = waiting.pop()
            found = {f"modules/{name}/{path.name}": path.read_bytes() for path in sorted((modules / name).glob("*.tf"))}
            if not found:
                raise _gone(modules / name)
            files |= found
            called = {match.decode() for content in found.values() for match in _SIBLING.findall(content)}
            waiting |= {one for one in called if f"modules/{one}/main.tf" not in files}
    except OSError as error:
        raise UsageError(
            f"the project's Terraform modules cannot be read: {error.strerror}",
            where=error.filename,
            hint=_WHERE,
        ) from error
    return files


def _gone(folder: Path) -> UsageError:
    return UsageError(
        "the project's Terraform modules lack one that a service needs",
        where=str(folder),
        hint=_WHERE,
    )


def fingerprint_of(files: Mapping[str, bytes]) -> str:
    """Hash of what Terraform would act on, which the keys of first zips are not."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        if name != ARTIFACTS:
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def as_json(value: Mapping[str, Any]) -> bytes:
    """A file of a root, the same bytes for the same content."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"
