# A Lambda function from a zip, with its role, log group and the alias its callers use.
# Terraform owns the configuration; the release engine owns the code, the versions and where the alias points.

resource "aws_cloudwatch_log_group" "this" {
  # checkov:skip=CKV_AWS_158:CloudWatch encrypts by itself, log_kms_key_arn chooses a key of one's own
  # checkov:skip=CKV_AWS_338:how long logs are kept is the service's decision, log_retention_days
  name              = "/aws/lambda/${var.function_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_272:artifacts are named by their hash, which is compared when a version is published
  function_name = var.function_name
  description   = var.description
  role          = aws_iam_role.this.arn
  handler       = "bootstrap"
  runtime       = var.runtime
  architectures = [var.architecture]
  memory_size   = var.memory_mb
  timeout       = var.timeout_s
  s3_bucket     = var.artifact_bucket
  s3_key        = var.artifact_key
  publish       = false
  layers        = var.layers
  kms_key_arn   = var.kms_key_arn
  tags          = var.tags

  reserved_concurrent_executions = var.reserved_concurrency

  ephemeral_storage {
    size = var.ephemeral_storage_mb
  }

  dynamic "environment" {
    for_each = length(var.environment) > 0 ? [var.environment] : []

    content {
      variables = environment.value
    }
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  dynamic "dead_letter_config" {
    for_each = var.dead_letter_arn == null ? [] : [var.dead_letter_arn]

    content {
      target_arn = dead_letter_config.value
    }
  }

  # The first invocation must find its log group and be allowed to write to it; AWS refuses a function whose role
  # cannot reach its dead-letter target, its VPC or its key.
  depends_on = [
    aws_iam_role_policy.logs, aws_iam_role_policy.tracing, aws_iam_role_policy.vpc,
    aws_iam_role_policy.dead_letter, aws_iam_role_policy.key,
  ]

  lifecycle {
    # The code belongs to the release engine. `architectures` too: the provider treats it as a change of code and
    # would send the zip of the state again.
    ignore_changes = [filename, s3_bucket, s3_key, s3_object_version, source_code_hash, architectures]
  }
}

# On `$LATEST` the alias says "never released". From the first release on the engine moves it; a constant name and
# function are all Terraform sends, so that no apply can disturb the weights of a canary.
resource "aws_lambda_alias" "this" {
  name             = var.alias_name
  function_name    = aws_lambda_function.this.function_name
  function_version = "$LATEST"

  lifecycle {
    ignore_changes = [function_version, routing_config, description]
  }
}

# AWS refuses it on an alias that points at `$LATEST` or splits its traffic.
resource "aws_lambda_provisioned_concurrency_config" "this" {
  count = var.provisioned_concurrency > 0 ? 1 : 0

  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = aws_lambda_alias.this.name
  provisioned_concurrent_executions = var.provisioned_concurrency

  lifecycle {
    precondition {
      condition     = var.reserved_concurrency == -1 || var.provisioned_concurrency <= var.reserved_concurrency
      error_message = "provisioned_concurrency must not be more than reserved_concurrency."
    }
  }
}
