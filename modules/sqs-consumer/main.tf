# Messages of a queue for the alias of a function, and what the function's role must be allowed for it.

module "queue" {
  source = "../sqs-queue"
  count  = var.queue == null ? 0 : 1

  name         = var.queue.name
  fifo         = var.queue.fifo
  visibility_s = var.queue.visibility_s
  retention_s  = var.queue.retention_s
  max_receives = var.queue.max_receives
  kms_key_arn  = var.kms_key_arn
  tags         = var.tags
}

locals {
  queue_arn  = var.queue == null ? var.queue_arn : module.queue[0].arn
  queue_name = element(split(":", local.queue_arn), 5)

  receive = {
    Effect   = "Allow"
    Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    Resource = local.queue_arn
  }
  decrypt = { Effect = "Allow", Action = ["kms:Decrypt"], Resource = var.kms_key_arn }
}

resource "aws_iam_role_policy" "this" {
  name = "sqs-${local.queue_name}"
  role = var.role_name

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = var.kms_key_arn == null ? [local.receive] : [local.receive, local.decrypt]
  })
}

resource "aws_lambda_event_source_mapping" "this" {
  event_source_arn                   = local.queue_arn
  function_name                      = var.alias_arn
  enabled                            = var.enabled
  batch_size                         = var.batch
  maximum_batching_window_in_seconds = var.window_s
  function_response_types            = var.partial_failures ? ["ReportBatchItemFailures"] : []
  tags                               = var.tags

  dynamic "scaling_config" {
    for_each = var.max_concurrency == null ? [] : [var.max_concurrency]

    content {
      maximum_concurrency = scaling_config.value
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

  # Lambda refuses a mapping whose role cannot read the queue.
  depends_on = [aws_iam_role_policy.this]

  lifecycle {
    precondition {
      condition     = (var.queue == null) != (var.queue_arn == null)
      error_message = "Give either queue_arn, of a queue that exists, or queue, to make one."
    }

    precondition {
      condition     = element(split(":", var.alias_arn), 6) == var.function_name
      error_message = "alias_arn must be an alias of function_name."
    }

    precondition {
      condition     = var.batch <= 10 || var.window_s >= 1
      error_message = "A batch of more than 10 messages needs a window_s of 1 or more."
    }

    precondition {
      condition     = endswith(local.queue_arn, ".fifo") ? var.batch <= 10 && var.window_s == 0 : true
      error_message = "Messages of a FIFO queue come in batches of 10 at most, and without a window."
    }
  }
}
