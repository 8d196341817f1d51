# From the alarm to the alias, and nothing but this alias, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mocked" }
  }

  mock_resource "aws_sfn_state_machine" {
    defaults = { arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:mocked" }
  }
}

variables {
  function_name = "hello"
  function_arn  = "arn:aws:lambda:eu-west-1:123456789012:function:hello"
}

run "the_alarm_is_a_rate_with_a_minimum_of_requests" {
  assert {
    condition = {
      for query in aws_cloudwatch_metric_alarm.this[0].metric_query : query.id => query.expression if query.return_data
    } == { rate = "IF(requests >= 20, 100 * errors / requests, 0)" }
    error_message = "What is held against the threshold must be the rate."
  }

  assert {
    condition = jsonencode(distinct(flatten([
      for query in aws_cloudwatch_metric_alarm.this[0].metric_query : [for metric in query.metric : metric.dimensions]
    ]))) == jsonencode([{ FunctionName = "hello", Resource = "hello:live" }])
    error_message = "The alarm must look at the alias, at all its versions and at nothing else."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this[0].evaluation_periods == 3 &&
      aws_cloudwatch_metric_alarm.this[0].datapoints_to_alarm == 2 &&
      aws_cloudwatch_metric_alarm.this[0].treat_missing_data == "notBreaching"
    )
    error_message = "Two bad minutes of three must ring, and no traffic never."
  }
}

run "only_this_alarm_ringing_starts_the_state_machine" {
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this.event_pattern).detail == { alarmName = ["hello-live-net"], state = { value = ["ALARM"] } }
    error_message = "Only this alarm, and only when it begins to ring."
  }

  assert {
    condition     = aws_cloudwatch_event_target.this.arn == aws_sfn_state_machine.this.arn
    error_message = "The rule must lead to the state machine."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.start.policy).Statement[0].Resource == aws_sfn_state_machine.this.arn
    error_message = "EventBridge may start this state machine and no other."
  }
}

run "it_tells_a_bus_that_is_named_and_nothing_else" {
  variables {
    event = { bus_arn = "arn:aws:events:eu-west-1:123456789012:event-bus/releases", project = "shop", environment = "production", service = "hello" }
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.undo.policy).Statement[1] == { Effect = "Allow", Action = ["events:PutEvents"], Resource = var.event.bus_arn }
    error_message = "It may put events on this bus."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.Write.Next == "Tell"
    error_message = "It must tell what it wrote."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.Tell.Catch[0].Next == "Done"
    error_message = "A bus that is away must undo nothing."
  }
}

run "refuses_what_is_no_bus" {
  command = plan

  variables {
    event = { bus_arn = "releases", project = "shop", environment = "production", service = "hello" }
  }

  expect_failures = [var.event]
}

run "the_state_machine_may_read_and_write_this_function_and_nothing_else" {
  assert {
    condition = jsondecode(aws_iam_role_policy.undo.policy).Statement == [{
      Effect   = "Allow"
      Action   = ["lambda:GetAlias", "lambda:UpdateAlias"]
      Resource = "arn:aws:lambda:eu-west-1:123456789012:function:hello"
    }]
    error_message = "Two actions on one function."
  }

  assert {
    condition     = alltrue([for state in values(jsondecode(aws_sfn_state_machine.this.definition).States) : !strcontains(try(state.Resource, ""), "invoke")])
    error_message = "No code of anybody's runs."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.Write.Arguments.RevisionId == "{% $alias.RevisionId %}"
    error_message = "The write must be guarded by the revision that was read."
  }

  assert {
    condition     = [for catch in jsondecode(aws_sfn_state_machine.this.definition).States.Write.Catch : catch.ErrorEquals[0]] == ["Lambda.PreconditionFailedException", "States.ALL"]
    error_message = "A lost race is read again at once; the rest after a pause. States.ALL must come last."
  }
}

run "further_alarms_and_none_of_its_own" {
  variables {
    error_percent = null
    alarms        = ["orders-5xx", "orders-latency"]
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 0 && output.alarm_name == null
    error_message = "Without error_percent there is no alarm of its own."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this.event_pattern).detail.alarmName == ["orders-5xx", "orders-latency"]
    error_message = "The given alarms must start the state machine."
  }
}

run "long_names_stay_within_64_characters_and_differ" {
  variables {
    function_name = "a123456789-123456789-123456789-123456789-123456789-123456789-123"
    function_arn  = "arn:aws:lambda:eu-west-1:123456789012:function:a123456789-123456789-123456789-123456789-123456789-123456789-123"
  }

  assert {
    condition     = length(aws_iam_role.start.name) <= 64 && can(regex("-[0-9a-f]{8}-net$", aws_iam_role.undo.name))
    error_message = "IAM takes 64 characters."
  }
}

run "refuses_more_bad_periods_than_periods" {
  command = plan

  variables {
    periods     = 2
    bad_periods = 3
  }

  expect_failures = [aws_cloudwatch_metric_alarm.this]
}

run "refuses_nothing_to_listen_to" {
  command = plan

  variables {
    error_percent = null
  }

  expect_failures = [aws_cloudwatch_event_rule.this]
}

run "refuses_an_alias_as_function" {
  command = plan

  variables {
    function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:hello:live"
  }

  expect_failures = [var.function_arn]
}

run "its_roles_have_the_boundary_they_are_given" {
  variables {
    permissions_boundary = "arn:aws:iam::123456789012:policy/crabwalk/limit"
  }

  assert {
    condition     = alltrue([for role in [aws_iam_role.start, aws_iam_role.undo] : role.permissions_boundary == var.permissions_boundary])
    error_message = "Every role of the module must have the boundary."
  }
}

run "without_one_its_roles_have_none" {
  assert {
    condition     = alltrue([for role in [aws_iam_role.start, aws_iam_role.undo] : role.permissions_boundary == null])
    error_message = "A boundary must be asked for."
  }
}

run "refuses_a_boundary_that_is_no_policy" {
  command = plan

  variables {
    permissions_boundary = "limit"
  }

  expect_failures = [var.permissions_boundary]
}
