"""What a saved plan must find again: looked up when it is made, and once more before it is applied. Reads only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pipeline import __version__
from pipeline.aws.functions import NotFoundError
from pipeline.deploying.setting import Setting
from pipeline.deploying.stacks import StackPlan
from pipeline.infra.provider import locked_version
from pipeline.infra.root import LOCK, state_key
from pipeline.plans.saved import AliasSeen, StateSeen, Tools
from pipeline.release.model import ALIAS

if TYPE_CHECKING:
    from pipeline.aws.objects import Objects
    from pipeline.infra import Root
    from pipeline.release.walk.act import Engine


def manifests_of(setting: Setting) -> str:
    """Hash of all manifests as they were read; a secret of low entropy is not told by it, since all are in one."""
    digest = hashlib.sha256()
    for service in sorted((*setting.services, *setting.extensions.values()), key=lambda one: one.name):
        digest.update(f"{service.model_dump_json(exclude={'directory', 'file'})}\0".encode())
    return digest.hexdigest()


def alias_of(engine: Engine, setting: Setting, service: str) -> AliasSeen | None:
    """Where its traffic is; None where there is no alias yet."""
    function = setting.project.function_name(setting.env.name, service)
    try:
        found = engine.functions.alias(function, ALIAS)
    except NotFoundError:
        return None
    return AliasSeen(found.version, found.revision)


def state_of(objects: Objects, stack: str) -> StateSeen:
    """Which state a stack has."""
    stored = objects.get(state_key(stack))
    if stored is None:
        return StateSeen()
    state = json.loads(stored.body)
    return StateSeen(str(state.get("lineage", "")), int(state.get("serial", 0)))


def tools_of(setting: Setting, stacks: Iterable[StackPlan]) -> Tools:
    """With what a plan is made; Terraform is asked only where it is needed."""
    root = next((one.root for one in stacks), None)
    if root is None:
        return Tools(__version__, "", "")
    return Tools(__version__, _terraform(setting, root), locked_version(root.files[LOCK]))


def _terraform(setting: Setting, root: Root) -> str:
    from pipeline.infra import stack_directory
    from pipeline.infra.workdir import reopen

    directory = stack_directory(setting.project.root, setting.env, root.stack)
    directory.mkdir(parents=True, exist_ok=True)
    terraform = reopen(root, setting.env, directory, lambda _: None)
    return str(terraform.document("version")["terraform_version"])
