# Every way in leads to the alias and only to the alias, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_apigatewayv2_api" {
    defaults = { execution_arn = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3" }
  }
}

variables {
  name             = "hello"
  routes           = ["GET /", "ANY /{proxy+}", "$default"]
  function_name    = "hello"
  alias_name       = "live"
  alias_invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:hello:live/invocations"
}

run "routes_lead_to_the_alias" {
  assert {
    condition     = toset([for route in aws_apigatewayv2_route.this : route.route_key]) == toset(var.routes)
    error_message = "Each route key must become a route."
  }

  assert {
    condition     = alltrue([for route in aws_apigatewayv2_route.this : route.target == "integrations/${aws_apigatewayv2_integration.this.id}"])
    error_message = "Each route must lead to the integration."
  }

  assert {
    condition = (
      aws_apigatewayv2_integration.this.integration_uri == var.alias_invoke_arn &&
      aws_apigatewayv2_integration.this.payload_format_version == "2.0"
    )
    error_message = "The integration must invoke the alias with payload 2.0."
  }

  assert {
    condition = (
      aws_lambda_permission.this.qualifier == "live" &&
      aws_lambda_permission.this.source_arn == "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/*"
    )
    error_message = "Only this API may invoke, and only the alias."
  }

  assert {
    condition     = aws_apigatewayv2_stage.this.name == "$default" && aws_apigatewayv2_stage.this.auto_deploy
    error_message = "The default stage must deploy by itself."
  }
}

run "refuses_a_route_that_is_none" {
  command = plan

  variables {
    routes = ["GET"]
  }

  expect_failures = [var.routes]
}

run "refuses_no_routes" {
  command = plan

  variables {
    routes = []
  }

  expect_failures = [var.routes]
}
