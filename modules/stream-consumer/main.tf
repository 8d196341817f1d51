# Records of a DynamoDB table's stream or a Kinesis stream for the alias of a function, in order.

locals {
  kinesis = strcontains(var.source_arn, ":kinesis:")
  source  = split("/consumer/", var.source_arn)[0] # a Kinesis consumer's ARN begins with its stream's
  name    = element(split("/", var.source_arn), 1)

  read = local.kinesis ? [
    "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator",
    "kinesis:ListShards", "kinesis:SubscribeToShard",
    ] : [
    "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator",
  ]
  # Lambda asks for it, and it knows no narrower resource; it tells names only.
  list = local.kinesis ? "kinesis:ListStreams" : "dynamodb:ListStreams"
}

resource "aws_iam_role_policy" "this" {
  name = "stream-${local.name}"
  role = var.role_name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        { Effect = "Allow", Action = local.read, Resource = distinct([local.source, var.source_arn]) },
        { Effect = "Allow", Action = [local.list], Resource = ["*"] },
      ],
      [for arn in compact([var.dead_letter_arn]) : {
        Effect   = "Allow"
        Action   = [strcontains(arn, ":sns:") ? "sns:Publish" : "sqs:SendMessage"]
        Resource = [arn]
      }],
      [for arn in compact([var.kms_key_arn]) : { Effect = "Allow", Action = ["kms:Decrypt"], Resource = [arn] }],
    )
  })
}

resource "aws_lambda_event_source_mapping" "this" {
  event_source_arn                   = var.source_arn
  function_name                      = var.alias_arn
  enabled                            = var.enabled
  batch_size                         = var.batch
  maximum_batching_window_in_seconds = var.window_s
  starting_position                  = upper(replace(var.start, "-", "_"))
  maximum_retry_attempts             = var.retries == null ? -1 : var.retries
  maximum_record_age_in_seconds      = var.max_age_s == null ? -1 : var.max_age_s
  bisect_batch_on_function_error     = var.bisect
  parallelization_factor             = var.parallel
  function_response_types            = var.partial_failures ? ["ReportBatchItemFailures"] : []
  tags                               = var.tags

  dynamic "destination_config" {
    for_each = var.dead_letter_arn == null ? [] : [var.dead_letter_arn]

    content {
      on_failure {
        destination_arn = destination_config.value
      }
    }
  }

  dynamic "filter_criteria" {
    for_each = length(var.filters) == 0 ? [] : [var.filters]

    content {
      dynamic "filter" {
        for_each = filter_criteria.value

        content {
          pattern = filter.value
        }
      }
    }
  }

  # Lambda refuses a mapping whose role cannot read the stream.
  depends_on = [aws_iam_role_policy.this]
}
