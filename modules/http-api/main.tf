# An HTTP API whose routes all lead to one alias of a function, so that the alias's weights decide who answers.

locals {
  # A browser asks with OPTIONS and without a token. Routes that take every method would want one all the same.
  questions = var.cors == null || var.authorizer == null ? [] : [
    for route in var.routes : "OPTIONS ${route == "$default" ? "/{proxy+}" : trimprefix(route, "ANY ")}"
    if route == "$default" || startswith(route, "ANY ")
  ]
}

resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  description   = var.description
  protocol_type = "HTTP"
  tags          = var.tags

  dynamic "cors_configuration" {
    for_each = var.cors == null ? [] : [var.cors]

    content {
      allow_origins     = cors_configuration.value.origins
      allow_methods     = cors_configuration.value.methods
      allow_headers     = cors_configuration.value.headers
      expose_headers    = cors_configuration.value.expose
      allow_credentials = cors_configuration.value.credentials
      max_age           = cors_configuration.value.max_age_s
    }
  }
}

resource "aws_apigatewayv2_integration" "this" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = var.alias_invoke_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_authorizer" "this" {
  count = var.authorizer == null ? 0 : 1

  api_id           = aws_apigatewayv2_api.this.id
  name             = "jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.authorizer.issuer
    audience = var.authorizer.audience
  }
}

resource "aws_apigatewayv2_route" "this" {
  # checkov:skip=CKV_AWS_309:whether a route is public is the service's decision
  for_each = setunion(var.routes, local.questions)

  api_id    = aws_apigatewayv2_api.this.id
  route_key = each.value
  target    = "integrations/${aws_apigatewayv2_integration.this.id}"

  authorization_type   = local.guarded[each.value] ? "JWT" : "NONE"
  authorizer_id        = local.guarded[each.value] ? aws_apigatewayv2_authorizer.this[0].id : null
  authorization_scopes = local.guarded[each.value] ? var.authorizer.scopes : null
}

locals {
  guarded = {
    for route in setunion(var.routes, local.questions) :
    route => var.authorizer != null && !(var.cors != null && startswith(route, "OPTIONS "))
  }
}

resource "aws_apigatewayv2_stage" "this" {
  # checkov:skip=CKV_AWS_76:access logs are on as soon as access_log_retention_days is not 0
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true
  tags        = var.tags

  # Always there: of a block that is taken away the provider makes limits of 0, and the API answers nothing but 429.
  default_route_settings {
    throttling_rate_limit  = var.throttle.rate
    throttling_burst_limit = var.throttle.burst
  }

  dynamic "access_log_settings" {
    for_each = aws_cloudwatch_log_group.access

    content {
      destination_arn = access_log_settings.value.arn
      format          = jsonencode(var.access_log_fields)
    }
  }

  # A route that cannot be invoked yet must not be reachable.
  depends_on = [aws_lambda_permission.this]
}

resource "aws_lambda_permission" "this" {
  statement_id  = "http-api"
  action        = "lambda:InvokeFunction"
  function_name = var.function_name
  qualifier     = var.alias_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*"
}

# Under this prefix CloudWatch Logs needs no entry in its one policy for deliveries, which is soon full.
resource "aws_cloudwatch_log_group" "access" {
  count = var.access_log_retention_days == 0 ? 0 : 1

  name              = "/aws/vendedlogs/http-api/${replace(var.name, "/[^A-Za-z0-9_.#-]/", "-")}"
  retention_in_days = var.access_log_retention_days
  kms_key_id        = var.access_log_kms_key_arn
  tags              = var.tags
}
