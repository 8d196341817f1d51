# Every way in leads to the alias and only to the alias, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_apigatewayv2_api" {
    defaults = { execution_arn = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3" }
  }

  mock_resource "aws_apigatewayv2_authorizer" {
    defaults = { id = "auth01" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:access" }
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

run "what_was_not_asked_for_is_not_there" {
  assert {
    condition = (
      length(aws_apigatewayv2_authorizer.this) + length(aws_apigatewayv2_domain_name.this) + length(aws_route53_record.this) +
      length(aws_cloudwatch_log_group.access) + length(aws_apigatewayv2_api.this.cors_configuration) +
      length(aws_apigatewayv2_stage.this.access_log_settings) == 0
    )
    error_message = "Without options the API must be what it was before there were any."
  }

  assert {
    condition     = alltrue([for route in aws_apigatewayv2_route.this : route.authorization_type == "NONE"])
    error_message = "Without an authorizer everybody passes."
  }

  assert {
    condition     = output.domain_target == null && output.access_log_group_name == null
    error_message = "Without a domain and access logs there is nothing to say of them."
  }
}

run "a_throttle_is_always_written_and_never_zero" {
  variables {
    throttle = null
  }

  assert {
    condition = (
      aws_apigatewayv2_stage.this.default_route_settings[0].throttling_rate_limit == 10000 &&
      aws_apigatewayv2_stage.this.default_route_settings[0].throttling_burst_limit == 5000
    )
    error_message = "Of limits that are taken away the provider makes 0, and the API answers nobody."
  }
}

run "every_route_needs_a_token" {
  variables {
    authorizer = { issuer = "https://issuer.example.org", audience = ["web"], scopes = ["read"] }
  }

  assert {
    condition = length(aws_apigatewayv2_route.this) == 3 && alltrue([
      for route in aws_apigatewayv2_route.this :
      route.authorization_type == "JWT" && route.authorizer_id == "auth01" && one(route.authorization_scopes) == "read"
    ])
    error_message = "A route without the authorizer would be a way round it."
  }
}

run "a_browsers_question_needs_none" {
  variables {
    cors       = { origins = ["https://example.org"], methods = ["GET"], credentials = true }
    authorizer = { issuer = "https://issuer.example.org", audience = ["web"] }
    routes     = ["GET /", "ANY /a/{id}", "$default"]
  }

  assert {
    condition = { for key, route in aws_apigatewayv2_route.this : key => route.authorization_type } == {
      "GET /"             = "JWT"
      "ANY /a/{id}"       = "JWT"
      "OPTIONS /a/{id}"   = "NONE"
      "$default"          = "JWT"
      "OPTIONS /{proxy+}" = "NONE"
    }
    error_message = "Only OPTIONS may pass without a token, and only where a route for every method would catch it."
  }

  assert {
    condition     = one(aws_apigatewayv2_api.this.cors_configuration[0].allow_origins) == "https://example.org"
    error_message = "The origins must be the API's."
  }
}

run "throttle_and_access_logs_are_the_stages" {
  variables {
    name                      = "hello world"
    throttle                  = { rate = 100, burst = 50 }
    access_log_retention_days = 30
  }

  assert {
    condition = (
      aws_apigatewayv2_stage.this.default_route_settings[0].throttling_rate_limit == 100 &&
      aws_apigatewayv2_stage.this.default_route_settings[0].throttling_burst_limit == 50
    )
    error_message = "The throttle must be the stage's."
  }

  assert {
    condition     = aws_cloudwatch_log_group.access[0].name == "/aws/vendedlogs/http-api/hello-world"
    error_message = "A log group's name takes no space."
  }

  assert {
    condition = length([
      for value in values(jsondecode(aws_apigatewayv2_stage.this.access_log_settings[0].format)) : value
      if can(regex("(?i)identity|sourceIp|userAgent|claims|path|query", value))
    ]) == 0
    error_message = "By default a line says nothing of the person."
  }
}

run "a_name_of_its_own" {
  variables {
    domain = {
      name            = "api.example.org"
      certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/0"
      zone_id         = "Z0123456789"
    }
  }

  assert {
    condition     = aws_route53_record.this[0].name == "api.example.org" && output.api_endpoint == "https://api.example.org"
    error_message = "The name must be made, and said."
  }

  assert {
    condition     = aws_apigatewayv2_api_mapping.this[0].stage == "$default"
    error_message = "The name must lead to the stage."
  }
}

run "a_name_in_somebody_elses_zone" {
  variables {
    domain = { name = "api.example.org", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/0" }
  }

  assert {
    condition     = length(aws_route53_record.this) == 0 && output.domain_target != null
    error_message = "Who makes the name must be told where it points."
  }
}

run "refuses_wrong_options" {
  command = plan

  variables {
    cors                      = { origins = ["https://example.org/page"], max_age_s = -1 }
    throttle                  = { rate = 0, burst = 1 }
    authorizer                = { issuer = "http://issuer.example.org", audience = [] }
    domain                    = { name = "https://example.org", certificate_arn = "arn:aws:iam::1:server-certificate/0" }
    access_log_retention_days = 2
    access_log_fields         = { status = "$context.status" }
  }

  expect_failures = [
    var.cors, var.throttle, var.authorizer, var.domain, var.access_log_retention_days, var.access_log_fields,
  ]
}

run "refuses_credentials_for_everybody" {
  command = plan

  variables {
    cors = { origins = ["*"], credentials = true }
  }

  expect_failures = [var.cors]
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
