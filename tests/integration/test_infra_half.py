"""A first apply that fails half-way: what the next deploy makes of it, whatever it is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import edge_kit
import pytest
from faulty_kit import Answer, Asked, Faulty
from yard_kit import Said

from pipeline import local
from pipeline.deploying.converge import UNFINISHED, converge
from pipeline.deploying.drifting import look
from pipeline.deploying.setting import Setting
from pipeline.deploying.stacks import plan_stack
from pipeline.errors import TerraformError, UsageError
from pipeline.manifest.environments import Environment
from pipeline.manifest.models import Service
from pipeline.manifest.project import Project
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.walk.act import Engine

ROOT = Path(__file__).parents[2]


class Stack:
    """Two services that were never released, in one stack."""

    def __init__(self, env: Environment, namespace: str, folder: Path) -> None:
        self.env, self.said = env, Said()
        self.project = Project(namespace, folder)
        (folder / "modules").symlink_to(ROOT / "modules")
        self.engine = Engine(env)
        self.key = "artifacts/new.zip"
        self.engine.objects.put(self.key, edge_kit.package(salt="new"))
        self.services = tuple(
            Service(name=name, stack="web", architecture="x86_64", directory=folder, file=folder / "service.yaml")
            for name in ("old", "new")
        )

    def setting(self, endpoint: str | None = None) -> Setting:
        env = self.env if endpoint is None else replace(self.env, endpoint=endpoint)
        records = {one.name: ServiceRecord(one.name) for one in self.services}
        stacks = {"web": self.engine.ledger.stack("web")}
        return Setting(self.project, env, "c" * 40, "", self.services, records, stacks)

    def deploy(self, *names: str, endpoint: str | None = None) -> None:
        """Apply the stack with these about to be released."""
        setting = self.setting(endpoint)
        plan = plan_stack(setting, "web", dict.fromkeys(names, self.key))
        converge(self.engine, setting, plan, (), self.said, before_apply=lambda: None)


@pytest.fixture
def stack(env: Environment, namespace: str, tmp_path: Path) -> Stack:
    return Stack(env, namespace, tmp_path)


def unsettled(one: Asked) -> Answer | None:
    """The function `new` is made, and then AWS does not say that it is ready."""
    if one.method == "GET" and one.path.split("?")[0].endswith("-new"):
        return Answer(403, '{"Message": "User is not authorized to perform: lambda:GetFunction"}')
    return None


def test_the_next_deploy_goes_on_from_there(stack: Stack, embedded: local.Running) -> None:
    faulty = Faulty(embedded, unsettled)
    with faulty, pytest.raises(TerraformError, match="terraform apply failed: ") as caught:
        stack.deploy("new", endpoint=faulty.endpoint)
    assert "new.aws_lambda_function.this" in caught.value.what
    assert "carried out before it" in caught.value.what
    record = stack.engine.ledger.stack("web")
    assert record is not None
    assert (record.fingerprint, record.services) == (UNFINISHED, ("new",))

    # Another service of the stack is deployed: the half-made one stays in the root, is made anew, and wedges nothing.
    stack.said.lines.clear()
    stack.deploy("old")
    assert any(line.startswith("replace module.new.aws_lambda_function.this") for line in stack.said.lines)
    assert any(line.startswith("old.aws_lambda_function.this created") for line in stack.said.lines)
    record = stack.engine.ledger.stack("web")
    assert record is not None
    assert record.fingerprint != UNFINISHED
    assert record.services == ("new", "old")

    # The manifests go; what stands is found all the same, and compared with what was applied.
    bare = replace(stack.setting(), services=(), stacks={}, records={})
    (found,) = look(stack.engine, bare, (), stack.said)
    assert (found.stack, found.services, found.declared, found.state) == ("web", ("new", "old"), False, "clean")
    with pytest.raises(UsageError, match="`wed` has no infrastructure in `local`") as unknown:
        look(stack.engine, bare, ("wed",), stack.said)
    assert "web" in str(unknown.value.hint)
