"""What http-api and function-url are given may be taken away again: nothing of it stays, and a second plan is empty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import edge_kit
import modules_kit as kit
import pytest

from pipeline import local
from pipeline.infra import events, workdir

pytestmark = pytest.mark.exhaustive

API = """
  cors                      = { origins = ["https://example.org"], methods = ["GET"], credentials = true }
  throttle                  = { rate = 100, burst = 50 }
  authorizer                = { issuer = "https://issuer.example.org", audience = ["web"], scopes = ["read"] }
  access_log_retention_days = 7
  domain = {
    name            = "api.going.example.org"
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/0"
  }
"""
URL = '  auth = "none"\n  stream = true\n  cors = { origins = ["*"], max_age_s = 60 }\n'


class Root(kit.Usage):
    """A root of one function with an API and a URL, each with further arguments."""

    def made(self, api: str, url: str) -> dict[str, Any]:
        text = f"""
module "going" {{
  source          = "./modules/rust-lambda"
  function_name   = "going"
  artifact_bucket = "{kit.BUCKET}"
  artifact_key    = "{kit.KEY}"
}}
module "going_http" {{
  source           = "./modules/http-api"
  name             = "going"
  routes           = ["GET /", "ANY /all/{{rest+}}"]
  function_name    = module.going.function_name
  alias_invoke_arn = module.going.alias_invoke_arn
{api}}}
module "going_url" {{
  source        = "./modules/function-url"
  function_name = module.going.function_name
  alias_name    = module.going.alias_name
{url}}}
output "api" {{
  value = module.going_http.api_id
}}
"""
        workdir.write(kit.root_of({"going": text}, self.env), self.directory)
        terraform = self._terraform()
        workdir.initialise(terraform)
        _, messages = terraform.run("apply", "-input=false", "-auto-approve")
        return dict(events.outputs(messages) or {})


def routes(gateway: Any, api: str) -> dict[str, tuple[str, list[str]]]:
    items = gateway.get_routes(ApiId=api)["Items"]
    return {one["RouteKey"]: (one["AuthorizationType"], one.get("AuthorizationScopes") or []) for one in items}


def statements(functions: Any) -> str:
    return str(functions.get_policy(FunctionName="going", Qualifier="live")["Policy"])


def test_options_of_an_api_and_a_url_come_and_go(embedded: local.Running, tmp_path: Path) -> None:
    functions, gateway = (edge_kit.client(embedded, service) for service in ("lambda", "apigatewayv2"))
    root = Root(kit.environment(embedded), tmp_path, ())
    api = str(root.made(API, URL)["api"])
    assert root.differences() == []
    assert routes(gateway, api) == {
        "GET /": ("JWT", ["read"]),
        "ANY /all/{rest+}": ("JWT", ["read"]),
        "OPTIONS /all/{rest+}": ("NONE", []),
    }
    assert statements(functions).count("lambda:InvokedViaFunctionUrl") == 1

    root.made("", "")
    assert root.differences() == []
    assert routes(gateway, api) == {"GET /": ("NONE", []), "ANY /all/{rest+}": ("NONE", [])}
    described = gateway.get_api(ApiId=api)
    assert "CorsConfiguration" not in described
    assert gateway.get_authorizers(ApiId=api)["Items"] == []
    stage = gateway.get_stage(ApiId=api, StageName="$default")
    assert "AccessLogSettings" not in stage
    limits = stage["DefaultRouteSettings"]  # the provider would have made 0 of limits that are taken away
    assert (limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]) == (10_000, 5_000)
    url = functions.get_function_url_config(FunctionName="going", Qualifier="live")
    assert (url["AuthType"], url["InvokeMode"]) == ("AWS_IAM", "BUFFERED")
    assert "lambda:InvokedViaFunctionUrl" not in statements(functions)

    root.made(API, URL)
    assert root.differences() == []
    assert statements(functions).count("lambda:InvokedViaFunctionUrl") == 1
    assert root.destroy() == []
