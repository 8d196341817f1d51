# Walks releases with nobody's process: a state machine waits and calls one function, which makes one look at a walk.
# The function is crabwalk's own engine; what the machine does stands in machine.tf, who may do what in roles.tf.

locals {
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.name
  account   = data.aws_caller_identity.this.account_id

  machine_arn = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${var.name}"
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

resource "aws_cloudwatch_log_group" "this" {
  # checkov:skip=CKV_AWS_158:CloudWatch encrypts by itself; the lines name services and releases, and nothing secret
  # checkov:skip=CKV_AWS_338:the ledger keeps what happened to a release; these lines tell only of the controller
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

# Every change of its code is a new version, and the old ones stay: a walk goes on with the version it began with.
resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_115:one look a walk at a time; the account's limit is every walk's
  # checkov:skip=CKV_AWS_116:it is invoked synchronously, the state machine sends what was given up to the queue
  # checkov:skip=CKV_AWS_117:it calls AWS's APIs and nothing in a VPC
  # checkov:skip=CKV_AWS_272:the package is named by its hash
  # checkov:skip=CKV_AWS_50:a look is a handful of calls that are in the log
  # checkov:skip=CKV_AWS_173:its variables are no secret
  function_name = var.name
  description   = "Makes one look at one walk of crabwalk's; called by the state machine ${var.name}"
  role          = aws_iam_role.function.arn
  runtime       = "python3.13"
  architectures = [var.architecture]
  handler       = var.handler
  s3_bucket     = var.package_bucket
  s3_key        = var.package_key
  memory_size   = var.memory_mb
  timeout       = var.timeout_s
  publish       = true
  tags          = var.tags

  dynamic "environment" {
    for_each = length(var.environment) > 0 ? [var.environment] : []

    content {
      variables = environment.value
    }
  }

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.function]
}

# Walks that were given up: the job, and why. Nothing reads it by itself; an alarm says that something is in it.
resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-dead"
  message_retention_seconds = 1209600 # 14 days, the longest there is
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sqs_queue_policy" "dead" {
  queue_url = aws_sqs_queue.dead.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = aws_sqs_queue.dead.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
