# The URL leads to the alias, and only auth none opens it, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_lambda_function_url" {
    defaults = { function_url = "https://abc.lambda-url.eu-west-1.on.aws/", url_id = "abc" }
  }
}

variables {
  function_name = "hello"
}

run "closed_unless_asked" {
  assert {
    condition = (
      aws_lambda_function_url.this.authorization_type == "AWS_IAM" &&
      aws_lambda_function_url.this.invoke_mode == "BUFFERED" && aws_lambda_function_url.this.qualifier == "live"
    )
    error_message = "A URL is the alias's, signed and buffered unless told otherwise."
  }

  assert {
    condition     = length(aws_lambda_permission.url) + length(aws_cloudcontrolapi_resource.invoke) == 0
    error_message = "With IAM nobody is let in by the function's policy."
  }

  assert {
    condition     = output.url_endpoint == "https://abc.lambda-url.eu-west-1.on.aws" && output.url_id == "abc"
    error_message = "The endpoint ends without a slash, as an API's does."
  }
}

run "open_to_everybody" {
  variables {
    auth   = "none"
    stream = true
    cors   = { origins = ["*"] }
  }

  assert {
    condition = (
      aws_lambda_permission.url[0].qualifier == "live" && aws_lambda_permission.url[0].action == "lambda:InvokeFunctionUrl" &&
      aws_lambda_permission.url[0].function_url_auth_type == "NONE"
    )
    error_message = "Everybody may call the URL of the alias while it asks for no signature."
  }

  assert {
    condition = jsondecode(aws_cloudcontrolapi_resource.invoke[0].desired_state) == {
      FunctionName          = "hello:live"
      Action                = "lambda:InvokeFunction"
      Principal             = "*"
      InvokedViaFunctionUrl = true
    }
    error_message = "Everybody may invoke, but through the URL only."
  }

  assert {
    condition     = aws_lambda_function_url.this.invoke_mode == "RESPONSE_STREAM" && length(aws_lambda_function_url.this.cors) == 1
    error_message = "Streaming and CORS must be the URL's."
  }
}

run "refuses_wrong_inputs" {
  command = plan

  variables {
    function_name = "hello:live"
    alias_name    = "1"
    auth          = "public"
    cors          = { origins = [], methods = ["OPTIONS"] }
  }

  expect_failures = [var.function_name, var.alias_name, var.auth, var.cors]
}
