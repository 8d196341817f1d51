# An EventBridge schedule that invokes one alias of a function, by a role that may do nothing else.

locals {
  # the name of a role has 64 characters at most, like the schedule's own
  full = "${var.name}-schedule"
  role = length(local.full) <= 64 ? local.full : "${substr(local.full, 0, 46)}-${substr(sha256(local.full), 0, 8)}-schedule"

  partition = split(":", var.alias_arn)[1]
  region    = split(":", var.alias_arn)[3]
  account   = split(":", var.alias_arn)[4]
}

resource "aws_scheduler_schedule" "this" {
  #checkov:skip=CKV_AWS_297:A schedule is encrypted with EventBridge's own key, and its payload is no place for secrets; kms_key_arn names another
  name        = var.name
  group_name  = var.group
  description = var.description
  kms_key_arn = var.kms_key_arn
  state       = var.enabled ? "ENABLED" : "DISABLED"

  schedule_expression          = var.expression
  schedule_expression_timezone = var.timezone

  flexible_time_window {
    mode                      = var.flexible_minutes == 0 ? "OFF" : "FLEXIBLE"
    maximum_window_in_minutes = var.flexible_minutes == 0 ? null : var.flexible_minutes
  }

  target {
    arn      = var.alias_arn
    role_arn = aws_iam_role.this.arn
    # jsonencode writes < and > as escapes, in which Scheduler does not find its context attributes.
    input = replace(replace(var.payload_json, "\\u003c", "<"), "\\u003e", ">")

    retry_policy {
      maximum_retry_attempts       = var.retries
      maximum_event_age_in_seconds = var.max_age_s
    }

    dynamic "dead_letter_config" {
      for_each = var.dead_letter_arn == null ? [] : [var.dead_letter_arn]

      content {
        arn = dead_letter_config.value
      }
    }
  }

  # What the role may not do yet would be tried, and lost.
  depends_on = [aws_iam_role_policy.this]
}

resource "aws_iam_role" "this" {
  name                 = local.role
  description          = "EventBridge Scheduler invokes an alias for the schedule ${var.name}"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  # Scheduler names the group, never the schedule, as the source.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = local.account
          "aws:SourceArn"     = "arn:${local.partition}:scheduler:${local.region}:${local.account}:schedule-group/${var.group}"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "invoke"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{ Effect = "Allow", Action = "lambda:InvokeFunction", Resource = var.alias_arn }],
      var.dead_letter_arn == null ? [] : [{ Effect = "Allow", Action = "sqs:SendMessage", Resource = var.dead_letter_arn }],
      var.kms_key_arn == null ? [] : [{ Effect = "Allow", Action = "kms:Decrypt", Resource = var.kms_key_arn }],
    )
  })
}
