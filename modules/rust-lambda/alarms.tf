# Alarms of the alias, of all versions behind it together: the versions change with every release.

locals {
  watched = var.alarms == null ? {} : {
    for name, alarm in {
      errors    = { metric = "Errors", statistic = "Sum", percentile = null, over = var.alarms.errors, what = "failed invocations" }
      throttles = { metric = "Throttles", statistic = "Sum", percentile = null, over = var.alarms.throttles, what = "throttled invocations" }
      duration  = { metric = "Duration", statistic = null, percentile = "p99", over = var.alarms.duration_ms, what = "ms for one in a hundred invocations" }
    } : name => alarm if alarm.over != null
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.watched

  alarm_name          = "${var.function_name}-${var.alias_name}-${each.key}"
  alarm_description   = "${var.function_name}:${var.alias_name}: more than ${each.value.over} ${each.value.what} in ${var.alarms.period_s} s"
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  extended_statistic  = each.value.percentile
  period              = var.alarms.period_s
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.over
  evaluation_periods  = var.alarms.periods
  datapoints_to_alarm = var.alarms.bad_periods
  treat_missing_data  = "notBreaching" # a function that nobody calls is not broken
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
  tags                = var.tags

  dimensions = {
    FunctionName = var.function_name
    Resource     = "${var.function_name}:${var.alias_name}"
  }

  depends_on = [aws_lambda_alias.this]
}
