# A queue, and behind it one for the messages that failed too often. Both are encrypted and talk TLS only.

locals {
  suffix = var.fifo ? ".fifo" : ""

  # What is said about each of the two queues.
  tls_only = {
    Sid       = "TlsOnly"
    Effect    = "Deny"
    Principal = "*"
    Action    = "sqs:*"
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
}

resource "aws_sqs_queue" "this" {
  name                              = "${var.name}${local.suffix}"
  fifo_queue                        = var.fifo
  content_based_deduplication       = var.fifo ? var.content_based_deduplication : null
  visibility_timeout_seconds        = var.visibility_s
  message_retention_seconds         = var.retention_s
  receive_wait_time_seconds         = var.wait_s
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 300
  tags                              = var.tags
}

# Beside the queue, because the provider would leave it behind at a queue that no longer says it.
resource "aws_sqs_queue_redrive_policy" "this" {
  count = length(aws_sqs_queue.dead)

  queue_url = aws_sqs_queue.this.url

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[0].arn
    maxReceiveCount     = var.max_receives
  })
}

resource "aws_sqs_queue_policy" "this" {
  queue_url = aws_sqs_queue.this.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [merge(local.tls_only, { Resource = aws_sqs_queue.this.arn })],
      [for statement in var.policy_statements_json : jsondecode(statement)],
    )
  })
}

resource "aws_sqs_queue" "dead" {
  count = var.max_receives == null ? 0 : 1

  name                              = "${var.name}-dead${local.suffix}"
  fifo_queue                        = var.fifo
  message_retention_seconds         = 1209600 # 14 days, the longest there is: a message keeps the age it came with
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 300
  tags                              = var.tags
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  count = length(aws_sqs_queue.dead)

  queue_url = aws_sqs_queue.dead[0].url

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this.arn]
  })
}

resource "aws_sqs_queue_policy" "dead" {
  count = length(aws_sqs_queue.dead)

  queue_url = aws_sqs_queue.dead[0].url

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.tls_only, { Resource = aws_sqs_queue.dead[0].arn })]
  })
}
