# What is to be known of the controller itself; how a release went is told by crabwalk.

locals {
  watched = {
    errors = {
      namespace = "AWS/Lambda", metric = "Errors", dimensions = { FunctionName = var.name }, over = var.errors
      what      = "looks of the canary controller failed"
    }
    throttles = {
      namespace = "AWS/Lambda", metric = "Throttles", dimensions = { FunctionName = var.name }, over = var.errors
      what      = "looks of the canary controller were throttled"
    }
    failed = {
      namespace = "AWS/States", metric = "ExecutionsFailed", dimensions = { StateMachineArn = local.machine_arn }, over = 0
      what      = "walks were given up: nobody walks them"
    }
    timed-out = {
      namespace = "AWS/States", metric = "ExecutionsTimedOut", dimensions = { StateMachineArn = local.machine_arn }, over = 0
      what      = "walks ended by time: nobody walks them"
    }
    aborted = {
      namespace = "AWS/States", metric = "ExecutionsAborted", dimensions = { StateMachineArn = local.machine_arn }, over = 0
      what      = "executions were stopped by hand: nobody walks their releases"
    }
    dead = {
      namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = "${var.name}-dead" }, over = 0
      what      = "walks that were given up wait in the queue"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.watched

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${var.name}: ${each.value.what}; see `crabwalk status`, `crabwalk watch --unattended` goes on"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.key == "dead" ? "Maximum" : "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.over
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}
