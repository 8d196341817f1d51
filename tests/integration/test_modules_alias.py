"""What rust-lambda hangs on the alias: an apply in mid-walk leaves its traffic alone, instances start later."""

from __future__ import annotations

from pathlib import Path

import edge_kit
import modules_kit as kit
import pytest

from pipeline import local
from pipeline.errors import TerraformError
from pipeline.infra import workdir
from pipeline.infra.terraform import Terraform

FUNCTION = "alias-hello"
QUIET = ""
WATCHED = """
  alarms           = { errors = 5, duration_ms = 900 }
  access           = { jobs = { actions = ["sqs:SendMessage"], resources = ["arn:aws:sqs:us-east-1:000000000000:q"] } }
  kept_permissions = { tracing = true }
"""
STARTED = "  provisioned_concurrency = 2\n"


class Root(kit.Usage):
    """A root of one function, with further arguments."""

    def apply_with(self, arguments: str) -> None:
        text = f"""
module "alias" {{
  source          = "./modules/rust-lambda"
  function_name   = "{FUNCTION}"
  artifact_bucket = "{kit.BUCKET}"
  artifact_key    = "{kit.KEY}"
{arguments}}}
"""
        workdir.write(kit.root_of({"alias": text}, self.env), self.directory)
        self.terraform().run("apply", "-input=false", "-auto-approve")

    def terraform(self) -> Terraform:
        terraform = self._terraform()
        workdir.initialise(terraform)
        return terraform


@pytest.mark.exhaustive
def test_an_apply_in_mid_walk_leaves_the_alias_alone_and_instances_start_after_it(
    embedded: local.Running, tmp_path: Path
) -> None:
    functions = edge_kit.client(embedded, "lambda")
    root = Root(kit.environment(embedded), tmp_path, ())
    root.apply_with(QUIET)
    with pytest.raises(TerraformError, match="unpublished"):
        root.apply_with(STARTED)

    functions.publish_version(FunctionName=FUNCTION)
    functions.update_function_code(FunctionName=FUNCTION, ZipFile=edge_kit.package(kit.BOOTSTRAP, salt="second"))
    edge_kit.settle(functions, FUNCTION)
    functions.publish_version(FunctionName=FUNCTION)
    walk = {"AdditionalVersionWeights": {"2": 0.3}}
    alias = {"FunctionName": FUNCTION, "Name": "live"}
    functions.update_alias(**alias, FunctionVersion="1", RoutingConfig=walk, Description="a walk")
    before = functions.get_alias(**alias)
    root.apply_with(WATCHED)
    after = functions.get_alias(**alias)
    assert {**after, "ResponseMetadata": None} == {**before, "ResponseMetadata": None}
    assert after["RoutingConfig"] == walk

    with pytest.raises(TerraformError, match="weights"):
        root.apply_with(WATCHED + STARTED)
    functions.update_alias(**alias, FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {}})
    root.apply_with(WATCHED + STARTED)
    made = functions.get_provisioned_concurrency_config(FunctionName=FUNCTION, Qualifier="live")
    assert made["RequestedProvisionedConcurrentExecutions"] == 2
    assert root.differences() == []
    assert root.destroy() == []
