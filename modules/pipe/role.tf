# The role of the pipe: its source, its function, its target, its dead-letter target, and nothing else.

locals {
  # the name of a role has 64 characters at most, like the pipe's own
  full = "${var.name}-pipe"
  role = length(local.full) <= 64 ? local.full : "${substr(local.full, 0, 50)}-${substr(sha256(local.full), 0, 8)}-pipe"

  partition = split(":", var.alias_arn)[1]
  region    = split(":", var.alias_arn)[3]
  account   = split(":", var.alias_arn)[4]

  reading = {
    sqs      = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    dynamodb = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
    kinesis = [
      "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator",
      "kinesis:ListShards", "kinesis:ListStreams",
    ]
  }
  sending = {
    sqs    = "sqs:SendMessage"
    sns    = "sns:Publish"
    events = "events:PutEvents"
    lambda = "lambda:InvokeFunction"
    states = "states:StartExecution"
  }
  dead_letter_kind = var.dead_letter_arn == null ? "sqs" : split(":", var.dead_letter_arn)[2]
}

resource "aws_iam_role" "this" {
  name                 = local.role
  description          = "EventBridge reads, enriches and sends for the pipe ${var.name}"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "pipes.amazonaws.com" }
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = local.account
          "aws:SourceArn"     = "arn:${local.partition}:pipes:${local.region}:${local.account}:pipe/${var.name}"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "pipe"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        { Sid = "Read", Effect = "Allow", Action = local.reading[local.source_kind], Resource = var.source_arn },
        { Sid = "Enrich", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = var.alias_arn },
        { Sid = "Send", Effect = "Allow", Action = [local.sending[local.target_kind]], Resource = var.target_arn },
      ],
      var.dead_letter_arn == null ? [] : [
        { Sid = "GiveUp", Effect = "Allow", Action = [local.sending[local.dead_letter_kind]], Resource = var.dead_letter_arn },
      ],
      length(var.data_key_arns) == 0 ? [] : [
        { Sid = "Keys", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = var.data_key_arns },
      ],
    )
  })
}
