# One look after the other, and no more rights than that needs, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mocked" }
  }

  mock_resource "aws_lambda_function" {
    defaults = {
      arn     = "arn:aws:lambda:eu-west-1:123456789012:function:walker"
      version = "3"
    }
  }

  mock_resource "aws_sqs_queue" {
    defaults = {
      arn = "arn:aws:sqs:eu-west-1:123456789012:walker-dead"
      url = "https://sqs.eu-west-1.amazonaws.com/123456789012/walker-dead"
    }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/walker" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
}

variables {
  name           = "walker"
  package_bucket = "bucket"
  package_key    = "controller/abc.zip"
  bucket         = "bucket"
  functions      = ["arn:aws:lambda:eu-west-1:123456789012:function:shop-production-*"]
}

run "a_walk_keeps_the_version_it_began_with" {
  assert {
    condition     = aws_lambda_function.this.publish && output.function_version_arn == "arn:aws:lambda:eu-west-1:123456789012:function:walker:3"
    error_message = "Every package must be a version of its own."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.Look.Arguments.FunctionName == "{% $job.function %}"
    error_message = "The input says which version is called."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.machine.policy).Statement[0].Resource == "arn:aws:lambda:eu-west-1:123456789012:function:walker:*"
    error_message = "The machine may call published versions of this function."
  }
}

run "the_machine_may_call_the_function_start_itself_and_write_to_its_queue" {
  assert {
    condition = [for one in jsondecode(aws_iam_role_policy.machine.policy).Statement : one.Action] == [
      "lambda:InvokeFunction", "states:StartExecution", "sqs:SendMessage",
    ]
    error_message = "Three actions."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.machine.policy).Statement[1].Resource == "arn:aws:states:eu-west-1:123456789012:stateMachine:walker"
    error_message = "Only itself."
  }
}

run "the_function_may_walk_these_functions_and_nothing_else" {
  assert {
    condition = toset(flatten([for one in jsondecode(aws_iam_role_policy.function.policy).Statement : one.Action])) == toset([
      "logs:CreateLogStream", "logs:PutLogEvents", "s3:ListBucket", "s3:GetObject", "s3:PutObject", "lambda:GetAlias",
      "lambda:UpdateAlias", "lambda:InvokeFunction", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData",
    ])
    error_message = "No more than a walk needs."
  }

  assert {
    condition = [
      for one in jsondecode(aws_iam_role_policy.function.policy).Statement : one.Resource if one.Sid == "Probes"
    ][0] == ["arn:aws:lambda:eu-west-1:123456789012:function:shop-production-*:live"]
    error_message = "Probes go through the alias."
  }

  assert {
    condition = {
      for one in jsondecode(aws_iam_role_policy.function.policy).Statement : one.Sid => [one.Action, one.Resource] if contains(["Ledger", "ProbeEvents"], one.Sid)
      } == {
      Ledger      = [["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::bucket/crabwalk/services/*"]
      ProbeEvents = ["s3:GetObject", "arn:aws:s3:::bucket/crabwalk/events/*"]
    }
    error_message = "It writes what it walks, and not what new walks are told of their controller."
  }
}

run "who_is_told_must_be_named" {
  variables {
    topic_arns     = ["arn:aws:sns:eu-west-1:123456789012:releases"]
    event_bus_arns = ["arn:aws:events:eu-west-1:123456789012:event-bus/default"]
    secret_arns    = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/github-??????"]
    kms_key_arn    = "arn:aws:kms:eu-west-1:123456789012:key/abc"
  }

  assert {
    condition = {
      for one in jsondecode(aws_iam_role_policy.function.policy).Statement : one.Sid => one.Resource if contains(["Notices", "Events", "Token", "Key"], one.Sid)
      } == {
      Notices = ["arn:aws:sns:eu-west-1:123456789012:releases"]
      Events  = ["arn:aws:events:eu-west-1:123456789012:event-bus/default"]
      Token   = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/github-??????"]
      Key     = "arn:aws:kms:eu-west-1:123456789012:key/abc"
    }
    error_message = "The named ones and no other."
  }

  assert {
    condition = {
      for one in jsondecode(aws_iam_role_policy.function.policy).Statement : one.Sid => one.Action if contains(["Notices", "Events", "Token"], one.Sid)
    } == { Notices = "sns:Publish", Events = "events:PutEvents", Token = "secretsmanager:GetSecretValue" }
    error_message = "One action each."
  }
}

run "refuses_every_secret_and_every_bus" {
  command = plan

  variables {
    event_bus_arns = ["arn:aws:events:eu-west-1:123456789012:event-bus/*"]
    secret_arns    = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:*"]
  }

  expect_failures = [var.event_bus_arns, var.secret_arns]
}

run "a_failed_look_is_repeated_and_given_up_in_the_end" {
  assert {
    condition     = [for one in jsondecode(aws_sfn_state_machine.this.definition).States.Look.Catch : [one.ErrorEquals[0], one.Next]] == [["States.ALL", "Broken"]]
    error_message = "Whatever a look meets, the walk goes on."
  }

  assert {
    condition = [for one in jsondecode(aws_sfn_state_machine.this.definition).States.Broken.Choices : one.Next] == ["GiveUp", "GoOn"] && (
      jsondecode(aws_sfn_state_machine.this.definition).States.GiveUp.Next == "GivenUp"
    )
    error_message = "The end is a dead letter and a failure."
  }

  assert {
    condition     = toset(keys(output.alarm_names)) == toset(["errors", "throttles", "failed", "timed-out", "aborted", "dead"])
    error_message = "Each of them has an alarm."
  }
}

run "it_goes_on_well_before_the_limit_of_events" {
  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.Over.Choices[1].Condition == "{% $events > 20000 %}"
    error_message = "AWS ends an execution at 25,000."
  }
}

run "refuses_a_limit_that_aws_would_reach_first" {
  command = plan

  variables {
    max_events = 25000
  }

  expect_failures = [var.max_events]
}

run "refuses_a_qualified_function" {
  command = plan

  variables {
    functions = ["arn:aws:lambda:eu-west-1:123456789012:function:hello:live"]
  }

  expect_failures = [var.functions]
}

run "its_roles_have_the_boundary_they_are_given" {
  variables {
    permissions_boundary = "arn:aws:iam::123456789012:policy/crabwalk/limit"
  }

  assert {
    condition     = alltrue([for role in [aws_iam_role.machine, aws_iam_role.function] : role.permissions_boundary == var.permissions_boundary])
    error_message = "Every role of the module must have the boundary."
  }
}

run "without_one_its_roles_have_none" {
  assert {
    condition     = alltrue([for role in [aws_iam_role.machine, aws_iam_role.function] : role.permissions_boundary == null])
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
