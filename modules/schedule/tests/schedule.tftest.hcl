# When, what and by which rights, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/nightly-schedule" }
  }
}

variables {
  name       = "nightly"
  expression = "cron(0 3 * * ? *)"
  alias_arn  = "arn:aws:lambda:eu-west-1:123456789012:function:hello:live"
}

run "keeps_context_attributes_as_scheduler_reads_them" {
  variables {
    payload_json = jsonencode({ time = "<aws.scheduler.scheduled-time>" })
  }

  assert {
    condition     = one(aws_scheduler_schedule.this.target).input == "{\"time\":\"<aws.scheduler.scheduled-time>\"}"
    error_message = "Scheduler must find its context attributes in the input."
  }
}

run "invokes_the_alias_and_nothing_else" {
  assert {
    condition = (
      one(aws_scheduler_schedule.this.target).arn == var.alias_arn &&
      one(aws_scheduler_schedule.this.target).input == "{}" &&
      aws_scheduler_schedule.this.schedule_expression_timezone == "UTC" &&
      one(aws_scheduler_schedule.this.flexible_time_window).mode == "OFF"
    )
    error_message = "The schedule must invoke the alias, on time."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [
      { Effect = "Allow", Action = "lambda:InvokeFunction", Resource = var.alias_arn }
    ]
    error_message = "The role may invoke the alias, and nothing else."
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.StringEquals == {
      "aws:SourceAccount" = "123456789012"
      "aws:SourceArn"     = "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/default"
    }
    error_message = "Only schedules of this account's group may take the role on."
  }
}

run "what_is_given_up_goes_to_the_queue" {
  variables {
    dead_letter_arn  = "arn:aws:sqs:eu-west-1:123456789012:lost"
    kms_key_arn      = "arn:aws:kms:eu-west-1:123456789012:key/0"
    flexible_minutes = 15
    retries          = 3
    max_age_s        = 600
  }

  assert {
    condition = (
      one(one(aws_scheduler_schedule.this.target).dead_letter_config).arn == var.dead_letter_arn &&
      one(one(aws_scheduler_schedule.this.target).retry_policy).maximum_retry_attempts == 3 &&
      one(one(aws_scheduler_schedule.this.target).retry_policy).maximum_event_age_in_seconds == 600 &&
      one(aws_scheduler_schedule.this.flexible_time_window).maximum_window_in_minutes == 15
    )
    error_message = "Retries, age, window and dead-letter queue must be the schedule's."
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Action] == [
      "lambda:InvokeFunction", "sqs:SendMessage", "kms:Decrypt"
    ]
    error_message = "A dead-letter queue and a key need rights."
  }
}

run "a_long_name_gives_a_role_of_64_characters" {
  variables {
    name = "a123456789012345678901234567890123456789012345678901234567890123"
  }

  assert {
    condition     = length(aws_iam_role.this.name) == 64 && endswith(aws_iam_role.this.name, "-schedule")
    error_message = "IAM refuses longer names."
  }
}

run "refuses_wrong_inputs" {
  command = plan

  variables {
    name             = "every night"
    expression       = "0 3 * * ? *"
    timezone         = ""
    payload_json     = "{job"
    alias_arn        = "arn:aws:lambda:eu-west-1:123456789012:function:hello:$LATEST"
    group            = "a group"
    flexible_minutes = 1441
    retries          = 186
    max_age_s        = 59
    dead_letter_arn  = "arn:aws:sqs:eu-west-1:123456789012:lost.fifo"
    kms_key_arn      = "alias/key"
  }

  expect_failures = [
    var.name, var.expression, var.timezone, var.payload_json, var.alias_arn, var.group, var.flexible_minutes, var.retries,
    var.max_age_s, var.dead_letter_arn, var.kms_key_arn,
  ]
}

run "refuses_a_version_instead_of_an_alias" {
  command = plan

  variables {
    alias_arn = "arn:aws:lambda:eu-west-1:123456789012:function:hello:7"
  }

  expect_failures = [var.alias_arn]
}

run "its_roles_have_the_boundary_they_are_given" {
  variables {
    permissions_boundary = "arn:aws:iam::123456789012:policy/crabwalk/limit"
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.permissions_boundary
    error_message = "Every role of the module must have the boundary."
  }
}

run "without_one_its_roles_have_none" {
  assert {
    condition     = aws_iam_role.this.permissions_boundary == null
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
