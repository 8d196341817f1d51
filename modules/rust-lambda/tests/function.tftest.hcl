# The contract with the release engine, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/hello" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/hello" }
  }
}

variables {
  function_name   = "hello"
  artifact_bucket = "artifacts"
  artifact_key    = "artifacts/first.zip"
}

run "first" {
  assert {
    condition     = aws_lambda_function.this.publish == false && aws_lambda_alias.this.function_version == "$LATEST"
    error_message = "A new function must have no published version, and its alias must say so."
  }

  assert {
    condition     = aws_lambda_alias.this.name == "live" && output.alias_name == "live"
    error_message = "The alias is named live unless told otherwise."
  }

  assert {
    condition     = length(aws_lambda_function.this.environment) == 0
    error_message = "Without variables there must be no environment block: AWS would answer it differently."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.logs.policy).Statement[0].Resource == "${aws_cloudwatch_log_group.this.arn}:*"
    error_message = "The role may write to its own log group only."
  }

  assert {
    condition = (
      length(aws_iam_role_policy.tracing) + length(aws_iam_role_policy.vpc) +
      length(aws_iam_role_policy.dead_letter) + length(aws_iam_role_policy.key) + length(aws_iam_role_policy.access) == 0
    )
    error_message = "The role must have no rights to what the function does not use."
  }
}

run "another_zip_and_architecture_change_nothing" {
  variables {
    artifact_key = "artifacts/second.zip"
    architecture = "x86_64"
  }

  assert {
    condition     = aws_lambda_function.this.s3_key == "artifacts/first.zip"
    error_message = "The code belongs to the release engine."
  }

  assert {
    condition     = one(aws_lambda_function.this.architectures) == "arm64"
    error_message = "A change of the architecture would send the state's zip again."
  }
}

run "configuration_reaches_the_function" {
  variables {
    environment = { RUST_LOG = "debug" }
    memory_mb   = 256
    timeout_s   = 29
    tracing     = true
  }

  assert {
    condition = (
      aws_lambda_function.this.memory_size == 256 && aws_lambda_function.this.timeout == 29 &&
      one(aws_lambda_function.this.environment).variables.RUST_LOG == "debug" &&
      one(aws_lambda_function.this.tracing_config).mode == "Active"
    )
    error_message = "Memory, timeout, variables and tracing must be the function's."
  }

  assert {
    condition     = length(aws_iam_role_policy.tracing) == 1
    error_message = "Tracing needs rights to X-Ray."
  }
}

run "what_the_function_uses_comes_with_the_rights_to_use_it" {
  variables {
    ephemeral_storage_mb = 1024
    reserved_concurrency = 10
    layers               = ["arn:aws:lambda:eu-west-1:123456789012:layer:extension:3"]
    kms_key_arn          = "arn:aws:kms:eu-west-1:123456789012:key/0"
    dead_letter_arn      = "arn:aws:sqs:eu-west-1:123456789012:lost"
    vpc                  = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition = (
      one(aws_lambda_function.this.ephemeral_storage).size == 1024 &&
      aws_lambda_function.this.reserved_concurrent_executions == 10 &&
      one(aws_lambda_function.this.layers) == "arn:aws:lambda:eu-west-1:123456789012:layer:extension:3" &&
      one(one(aws_lambda_function.this.vpc_config).subnet_ids) == "subnet-1"
    )
    error_message = "Storage, concurrency, layers and VPC must be the function's."
  }

  assert {
    condition = (
      jsondecode(aws_iam_role_policy.dead_letter[0].policy).Statement[0] ==
      { Effect = "Allow", Action = "sqs:SendMessage", Resource = ["arn:aws:sqs:eu-west-1:123456789012:lost"] }
    )
    error_message = "The role may send to the dead-letter queue, and only to that."
  }

  assert {
    condition     = length(aws_iam_role_policy.vpc) == 1 && length(aws_iam_role_policy.key) == 1
    error_message = "A VPC and a key need rights."
  }
}

run "a_topic_takes_dead_letters_too" {
  variables {
    dead_letter_arn = "arn:aws:sns:eu-west-1:123456789012:lost"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.dead_letter[0].policy).Statement[0].Action == "sns:Publish"
    error_message = "A topic is published to."
  }
}

run "refuses_wrong_inputs" {
  command = plan

  variables {
    function_name      = "hello world"
    architecture       = "riscv64"
    runtime            = "python3.13"
    memory_mb          = 100
    timeout_s          = 901
    log_retention_days = 8
    alias_name         = "1"
    dead_letter_arn    = "arn:aws:s3:::lost"
    layers             = ["1", "2", "3", "4", "5", "6"]

    ephemeral_storage_mb = 511
    reserved_concurrency = -2
  }

  expect_failures = [
    var.function_name, var.architecture, var.runtime, var.memory_mb, var.timeout_s, var.log_retention_days, var.alias_name,
    var.dead_letter_arn, var.layers, var.ephemeral_storage_mb, var.reserved_concurrency,
  ]
}
