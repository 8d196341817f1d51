# An EventBridge pipe: what comes from a queue or stream passes through one alias of a function and goes to a target.
# What its role may do stands in role.tf.

locals {
  source_kind = split(":", var.source_arn)[2]
  target_kind = split(":", var.target_arn)[2]
  window_s    = coalesce(var.window_s, local.source_kind == "sqs" && var.batch > 10 ? 1 : 0)
  to_fifo     = local.target_kind == "sqs" && endswith(var.target_arn, ".fifo")
}

resource "aws_pipes_pipe" "this" {
  name               = var.name
  description        = var.description
  desired_state      = var.enabled ? "RUNNING" : "STOPPED"
  kms_key_identifier = var.kms_key_arn
  role_arn           = aws_iam_role.this.arn
  source             = var.source_arn
  enrichment         = var.alias_arn
  target             = var.target_arn
  tags               = var.tags

  source_parameters {
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

    dynamic "sqs_queue_parameters" {
      for_each = local.source_kind == "sqs" ? [1] : []

      content {
        batch_size                         = var.batch
        maximum_batching_window_in_seconds = local.window_s
      }
    }

    dynamic "dynamodb_stream_parameters" {
      for_each = local.source_kind == "dynamodb" ? [1] : []

      content {
        starting_position                  = var.start
        batch_size                         = var.batch
        maximum_batching_window_in_seconds = local.window_s
        maximum_retry_attempts             = var.retries

        dynamic "dead_letter_config" {
          for_each = var.dead_letter_arn == null ? [] : [var.dead_letter_arn]

          content {
            arn = dead_letter_config.value
          }
        }
      }
    }

    dynamic "kinesis_stream_parameters" {
      for_each = local.source_kind == "kinesis" ? [1] : []

      content {
        starting_position                  = var.start
        batch_size                         = var.batch
        maximum_batching_window_in_seconds = local.window_s
        maximum_retry_attempts             = var.retries

        dynamic "dead_letter_config" {
          for_each = var.dead_letter_arn == null ? [] : [var.dead_letter_arn]

          content {
            arn = dead_letter_config.value
          }
        }
      }
    }
  }

  dynamic "target_parameters" {
    for_each = local.to_fifo || local.target_kind == "events" ? [1] : []

    content {
      dynamic "sqs_queue_parameters" {
        for_each = local.to_fifo ? [1] : []

        content {
          message_group_id = coalesce(var.message_group_id, var.name)
        }
      }

      dynamic "eventbridge_event_bus_parameters" {
        for_each = local.target_kind == "events" ? [1] : []

        content {
          source      = coalesce(var.event_source, var.name)
          detail_type = var.event_detail_type
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = local.source_kind != "sqs" || var.dead_letter_arn == null
      error_message = "A queue as the source has a dead-letter queue of its own: dead_letter_arn is for streams."
    }

    precondition {
      condition     = local.source_kind != "sqs" || var.batch <= 10 || local.window_s > 0
      error_message = "More than ten messages of a queue need a window_s of at least 1."
    }
  }

  depends_on = [aws_iam_role_policy.this]
}
