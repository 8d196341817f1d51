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

# A function in a VPC makes network interfaces there, and EC2 knows no narrower resource for most of these.
resource "aws_iam_role_policy" "vpc" {
  count = var.vpc == null ? 0 : 1

  name = "vpc"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
      ]
      Resource = "*"
    }]
  })
}

resource "aws_iam_role_policy" "dead_letter" {
  count = var.dead_letter_arn == null ? 0 : 1

  name = "dead-letter"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = strcontains(var.dead_letter_arn, ":sns:") ? "sns:Publish" : "sqs:SendMessage"
      Resource = var.dead_letter_arn
    }]
  })
}

resource "aws_iam_role_policy" "key" {
  count = var.kms_key_arn == null ? 0 : 1

  name = "key"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "kms:Decrypt"
      Resource = var.kms_key_arn
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
