# What the rule matches, invokes and keeps, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-west-1:123456789012:rule/audit/paid" }
  }
}

variables {
  name          = "paid"
  bus           = "audit"
  pattern_json  = "{\"source\":[\"shop\"]}"
  function_name = "hello"
  alias_arn     = "arn:aws:lambda:eu-west-1:123456789012:function:hello:live"
}

run "invokes_the_alias_and_only_this_rule_does" {
  assert {
    condition = (
      aws_cloudwatch_event_target.this.arn == var.alias_arn &&
      aws_cloudwatch_event_target.this.event_bus_name == "audit" &&
      aws_cloudwatch_event_rule.this.event_pattern == var.pattern_json
    )
    error_message = "What the pattern matches on the bus must invoke the alias."
  }

  assert {
    condition = (
      aws_lambda_permission.this.qualifier == "live" &&
      aws_lambda_permission.this.source_arn == aws_cloudwatch_event_rule.this.arn &&
      aws_lambda_permission.this.source_account == "123456789012"
    )
    error_message = "Only this rule may invoke, and only the alias."
  }

  assert {
    condition     = length(aws_cloudwatch_event_archive.this) == 0 && output.archive_arn == null
    error_message = "Nothing is kept unless asked."
  }
}

run "an_archive_keeps_what_the_rule_matches" {
  variables {
    name         = "a-rule-whose-name-is-longer-than-that-of-an-archive-may-be"
    archive_days = 30
  }

  assert {
    condition = (
      aws_cloudwatch_event_archive.this[0].event_source_arn == "arn:aws:events:eu-west-1:123456789012:event-bus/audit" &&
      aws_cloudwatch_event_archive.this[0].event_pattern == var.pattern_json &&
      aws_cloudwatch_event_archive.this[0].retention_days == 30 &&
      length(aws_cloudwatch_event_archive.this[0].name) == 48
    )
    error_message = "The archive must be the bus's, of the same pattern, with a name AWS accepts."
  }
}

run "a_bus_by_its_arn" {
  variables {
    bus          = "arn:aws:events:eu-west-1:123456789012:event-bus/audit"
    archive_days = 1
  }

  assert {
    condition     = aws_cloudwatch_event_archive.this[0].event_source_arn == var.bus
    error_message = "An ARN is taken as it is."
  }
}

run "what_is_given_up_goes_to_the_queue" {
  variables {
    dead_letter_arn = "arn:aws:sqs:eu-west-1:123456789012:lost"
    retries         = 3
    max_age_s       = 600
  }

  assert {
    condition = (
      one(aws_cloudwatch_event_target.this.dead_letter_config).arn == var.dead_letter_arn &&
      one(aws_cloudwatch_event_target.this.retry_policy).maximum_retry_attempts == 3 &&
      one(aws_cloudwatch_event_target.this.retry_policy).maximum_event_age_in_seconds == 600
    )
    error_message = "Retries, age and dead-letter queue must be the target's."
  }

  assert {
    condition     = jsondecode(output.dead_letter_statement_json).Condition.ArnEquals["aws:SourceArn"] == aws_cloudwatch_event_rule.this.arn
    error_message = "The statement lets only this rule send."
  }
}

run "refuses_wrong_inputs" {
  command = plan

  variables {
    name            = "paid orders"
    description     = ""
    bus             = "arn:aws:sqs:eu-west-1:123456789012:audit"
    pattern_json    = "[]"
    alias_arn       = "arn:aws:lambda:eu-west-1:123456789012:function:hello"
    retries         = -1
    max_age_s       = 90000
    dead_letter_arn = "lost"
    archive_days    = -1
  }

  expect_failures = [
    var.name, var.description, var.bus, var.pattern_json, var.alias_arn, var.retries, var.max_age_s, var.dead_letter_arn,
    var.archive_days,
  ]
}

run "refuses_an_empty_pattern" {
  command = plan

  variables {
    pattern_json = "{}"
  }

  expect_failures = [var.pattern_json]
}
