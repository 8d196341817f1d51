# A URL of a function's alias, without an API in front: the alias's weights decide who answers.

resource "aws_lambda_function_url" "this" {
  # checkov:skip=CKV_AWS_258:A URL for everybody is one of the two kinds there are, and has to be asked for.
  function_name      = var.function_name
  qualifier          = var.alias_name
  authorization_type = var.auth == "none" ? "NONE" : "AWS_IAM"
  invoke_mode        = var.stream ? "RESPONSE_STREAM" : "BUFFERED"

  dynamic "cors" {
    for_each = var.cors == null ? [] : [var.cors]

    content {
      allow_origins     = cors.value.origins
      allow_methods     = cors.value.methods
      allow_headers     = cors.value.headers
      expose_headers    = cors.value.expose
      allow_credentials = cors.value.credentials
      max_age           = cors.value.max_age_s
    }
  }
}

# Everybody needs both permissions (since October 2025): this one, and the one below.
resource "aws_lambda_permission" "url" {
  # checkov:skip=CKV_AWS_301:Everybody may call, by the URL and only while it asks for no signature: that is what auth none says.
  count = var.auth == "none" ? 1 : 0

  statement_id           = "function-url"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function_url.this.function_name
  qualifier              = var.alias_name
  principal              = "*"
  function_url_auth_type = "NONE"
}

# lambda:InvokeFunction for everybody would open the function to every AWS account if it were not bound to the URL.
# aws_lambda_permission of the 5.x provider cannot say `InvokedViaFunctionUrl`; the same permission made by Cloud
# Control can. The schema is what is used of AWS's own, so that planning asks nobody for it.
resource "aws_cloudcontrolapi_resource" "invoke" {
  count = var.auth == "none" ? 1 : 0

  type_name = "AWS::Lambda::Permission"

  desired_state = jsonencode({
    FunctionName          = "${aws_lambda_function_url.this.function_name}:${var.alias_name}"
    Action                = "lambda:InvokeFunction"
    Principal             = "*"
    InvokedViaFunctionUrl = true
  })

  schema = jsonencode({
    typeName    = "AWS::Lambda::Permission"
    description = "Who may invoke a function"
    properties = {
      FunctionName          = { type = "string" }
      Action                = { type = "string" }
      Principal             = { type = "string" }
      InvokedViaFunctionUrl = { type = "boolean" }
      Id                    = { type = "string" }
    }
    additionalProperties = false
    required             = ["FunctionName", "Action", "Principal"]
    createOnlyProperties = [
      "/properties/FunctionName", "/properties/Action", "/properties/Principal", "/properties/InvokedViaFunctionUrl",
    ]
    readOnlyProperties = ["/properties/Id"]
    primaryIdentifier  = ["/properties/FunctionName", "/properties/Id"]
  })
}
