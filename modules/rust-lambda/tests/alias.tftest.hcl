# What hangs on the alias, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/hello" }
  }
}

variables {
  function_name   = "hello"
  artifact_bucket = "artifacts"
  artifact_key    = "artifacts/first.zip"
}

run "nothing_unless_asked_for" {
  assert {
    condition     = length(aws_lambda_provisioned_concurrency_config.this) == 0 && length(aws_cloudwatch_metric_alarm.this) == 0
    error_message = "Instances and alarms cost money."
  }
}

run "provisioned_concurrency_is_the_aliass" {
  variables {
    provisioned_concurrency = 2
    reserved_concurrency    = 2
  }

  assert {
    condition = (
      aws_lambda_provisioned_concurrency_config.this[0].qualifier == "live" &&
      aws_lambda_provisioned_concurrency_config.this[0].provisioned_concurrent_executions == 2
    )
    error_message = "Callers use the alias, so its instances are the ones to start."
  }
}

run "alarms_watch_the_alias" {
  variables {
    alarms = { errors = 5, duration_ms = 900, actions = ["arn:aws:sns:eu-west-1:123456789012:pager"] }
  }

  assert {
    condition     = output.alarm_names == { errors = "hello-live-errors", duration = "hello-live-duration" }
    error_message = "Only what has a limit gets an alarm."
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.this :
      alarm.dimensions == tomap({ FunctionName = "hello", Resource = "hello:live" }) && alarm.treat_missing_data == "notBreaching"
    ])
    error_message = "An alarm looks at the alias, and silence is no fault."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["errors"].statistic == "Sum" &&
      aws_cloudwatch_metric_alarm.this["duration"].extended_statistic == "p99"
    )
    error_message = "Errors are counted; of durations the slowest hundredth tells."
  }
}

run "refuses_more_instances_than_may_run" {
  command = plan

  variables {
    provisioned_concurrency = 3
    reserved_concurrency    = 2
  }

  expect_failures = [aws_lambda_provisioned_concurrency_config.this]
}

run "refuses_wrong_alarms" {
  command = plan

  variables {
    provisioned_concurrency = 1.5
    alarms                  = { errors = -1, period_s = 45, periods = 1, bad_periods = 2 }
  }

  expect_failures = [var.provisioned_concurrency, var.alarms]
}
