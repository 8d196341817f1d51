# Undoes a release when an alarm rings, with nothing of crabwalk's running: alarm, event, state machine, alias.
# What the state machine does stands in machine.tf.

locals {
  # the names of a role and of a rule have 64 characters at most, and one of the roles a suffix
  full = "${var.function_name}-${var.alias_name}-net"
  name = length(local.full) <= 58 ? local.full : "${substr(local.full, 0, 45)}-${substr(sha256(local.full), 0, 8)}-net"

  partition = split(":", var.function_arn)[1]
  region    = split(":", var.function_arn)[3]
  account   = split(":", var.function_arn)[4]
}

# Of all versions together: the versions behind an alias change, and an alarm cannot name what is not there yet.
resource "aws_cloudwatch_metric_alarm" "this" {
  count = var.error_percent == null ? 0 : 1

  alarm_name          = local.name
  alarm_description   = "More than ${var.error_percent} % of the invocations of ${var.function_name}:${var.alias_name} fail; rings for the state machine ${local.name}"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.error_percent
  evaluation_periods  = var.periods
  datapoints_to_alarm = var.bad_periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  tags                = var.tags

  metric_query {
    id          = "rate"
    label       = "failed invocations in percent"
    expression  = "IF(requests >= ${var.min_requests}, 100 * errors / requests, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { errors = "Errors", requests = "Invocations" }

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = "AWS/Lambda"
        metric_name = metric_query.value
        period      = var.period_s
        stat        = "Sum"
        dimensions = {
          FunctionName = var.function_name
          Resource     = "${var.function_name}:${var.alias_name}"
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = var.bad_periods <= var.periods
      error_message = "bad_periods must not be more than periods."
    }
  }
}

resource "aws_cloudwatch_event_rule" "this" {
  name        = local.name
  description = "An alarm of ${var.function_name}:${var.alias_name} begins to ring"
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.cloudwatch"]
    detail-type = ["CloudWatch Alarm State Change"]
    account     = [local.account]
    detail = {
      alarmName = distinct(concat(aws_cloudwatch_metric_alarm.this[*].alarm_name, var.alarms))
      state     = { value = ["ALARM"] }
    }
  })

  lifecycle {
    precondition {
      condition     = var.error_percent != null || length(var.alarms) > 0
      error_message = "Without error_percent, alarms must name at least one alarm."
    }
  }
}

resource "aws_cloudwatch_event_target" "this" {
  rule     = aws_cloudwatch_event_rule.this.name
  arn      = aws_sfn_state_machine.this.arn
  role_arn = aws_iam_role.start.arn

  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 185
  }
}

resource "aws_iam_role" "start" {
  name                 = "${local.name}-start"
  description          = "EventBridge starts the state machine ${local.name}"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "events.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "start" {
  name = "start"
  role = aws_iam_role.start.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "states:StartExecution"
      Resource = aws_sfn_state_machine.this.arn
    }]
  })
}

resource "aws_iam_role" "undo" {
  name                 = local.name
  description          = "The state machine ${local.name} reads and writes the alias of ${var.function_name}"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "states.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${local.name}" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "undo" {
  name = "undo"
  role = aws_iam_role.undo.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Effect   = "Allow"
      Action   = ["lambda:GetAlias", "lambda:UpdateAlias"]
      Resource = var.function_arn # Lambda checks these two against the function, not the alias
      }], [
      for event in var.event[*] : { Effect = "Allow", Action = ["events:PutEvents"], Resource = event.bus_arn }
    ])
  })
}
