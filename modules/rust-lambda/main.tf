# A Lambda function from a zip, with its role, log group and the alias its callers use.
# Terraform owns the configuration; the release engine owns the code, the versions and where the alias points.

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.function_name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_iam_role" "this" {
  name        = var.function_name
  description = "Execution role of the function ${var.function_name}"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "logs" {
  name = "logs"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.this.arn}:*"
    }]
  })
}

resource "aws_iam_role_policy" "tracing" {
  count = var.tracing ? 1 : 0

  name = "tracing"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      Resource = "*" # X-Ray knows no narrower resource for these two
    }]
  })
}

resource "aws_lambda_function" "this" {
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
  tags          = var.tags

  dynamic "environment" {
    for_each = length(var.environment) > 0 ? [var.environment] : []

    content {
      variables = environment.value
    }
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  # The first invocation must find its log group and be allowed to write to it.
  depends_on = [aws_iam_role_policy.logs, aws_iam_role_policy.tracing]

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
