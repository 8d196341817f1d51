# The execution role: its own log group, what the function's configuration needs, what `access` grants, nothing else.
# What `kept_permissions` names stays for a version that still runs with the configuration of before.

locals {
  dead_letter_arns = distinct(concat(
    var.dead_letter_arn == null ? [] : [var.dead_letter_arn], var.kept_permissions.dead_letter_arns
  ))
  kms_key_arns = distinct(concat(var.kms_key_arn == null ? [] : [var.kms_key_arn], var.kept_permissions.kms_key_arns))
}

resource "aws_iam_role" "this" {
  name                 = var.function_name
  description          = "Execution role of the function ${var.function_name}"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

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
  count = var.tracing || var.kept_permissions.tracing ? 1 : 0

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
  # checkov:skip=CKV_AWS_290:EC2 knows no narrower resource for the network interfaces of a function
  # checkov:skip=CKV_AWS_355:EC2 knows no narrower resource for the network interfaces of a function
  count = var.vpc != null || var.kept_permissions.vpc ? 1 : 0

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

# The counts here look at the variables and not at the lists: an ARN may be unknown while planning.
resource "aws_iam_role_policy" "dead_letter" {
  count = var.dead_letter_arn != null || length(var.kept_permissions.dead_letter_arns) > 0 ? 1 : 0

  name = "dead-letter"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for service, action in { sqs = "sqs:SendMessage", sns = "sns:Publish" } : {
        Effect                     = "Allow"
        Action                     = action
        Resource                   = [for arn in local.dead_letter_arns : arn if strcontains(arn, ":${service}:")]
      }
      if anytrue([for arn in local.dead_letter_arns : strcontains(arn, ":${service}:")])
    ]
  })
}

resource "aws_iam_role_policy" "key" {
  count = var.kms_key_arn != null || length(var.kept_permissions.kms_key_arns) > 0 ? 1 : 0

  name = "key"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "kms:Decrypt"
      Resource = local.kms_key_arns
    }]
  })
}

# The function does not wait for these: what they name may itself be triggered by the function.
resource "aws_iam_role_policy" "access" {
  for_each = var.access

  name = "access-${each.key}"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = each.value.actions
      Resource = each.value.resources
    }]
  })
}
