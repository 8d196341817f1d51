# The task, its retries and its rights, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/shop-states" }
  }
}

variables {
  name          = "shop"
  function_name = "hello"
  alias_arn     = "arn:aws:lambda:eu-west-1:123456789012:function:hello:live"
}

run "says_what_a_machine_needs_and_makes_nothing" {
  assert {
    condition = (
      jsondecode(output.task_json).Arguments.FunctionName == var.alias_arn &&
      contains(jsondecode(output.task_json).Retry[0].ErrorEquals, "Lambda.TooManyRequestsException") &&
      jsondecode(output.task_json).Retry[0].MaxAttempts == 6
    )
    error_message = "The task must invoke the alias and retry what is Lambda's own fault."
  }

  assert {
    condition = jsondecode(output.policy_json).Statement == [
      { Effect = "Allow", Action = "lambda:InvokeFunction", Resource = var.alias_arn }
    ]
    error_message = "The policy must allow invoking the alias, and nothing else."
  }

  assert {
    condition = (
      length(aws_sfn_state_machine.this) + length(aws_iam_role.this) + length(aws_iam_role_policy.given) == 0 &&
      output.arn == null
    )
    error_message = "Nothing is made unless asked."
  }
}

run "an_existing_machines_role_gets_the_right" {
  variables {
    role_name = "machine"
  }

  assert {
    condition     = aws_iam_role_policy.given[0].role == "machine" && aws_iam_role_policy.given[0].policy == output.policy_json
    error_message = "The given role must be allowed to invoke the alias."
  }
}

run "a_machine_of_the_one_task" {
  variables {
    machine   = true
    timeout_s = 40
    retries   = 2
  }

  assert {
    condition = (
      jsondecode(aws_sfn_state_machine.this[0].definition).States.Invoke == merge(jsondecode(output.task_json), { End = true }) &&
      jsondecode(output.task_json).TimeoutSeconds == 40 && jsondecode(output.task_json).Retry[0].MaxAttempts == 2
    )
    error_message = "The machine must be the task."
  }

  assert {
    condition = jsondecode(aws_iam_role.this[0].assume_role_policy).Statement[0].Condition == {
      StringEquals = { "aws:SourceAccount" = "123456789012" }
      ArnLike      = { "aws:SourceArn" = "arn:aws:states:eu-west-1:123456789012:stateMachine:shop" }
    }
    error_message = "Only this machine may take the role on."
  }
}

run "refuses_wrong_inputs" {
  command = plan

  variables {
    name      = "a shop"
    alias_arn = "arn:aws:lambda:eu-west-1:123456789012:function:hello"
    timeout_s = 0
    retries   = -1
  }

  expect_failures = [var.name, var.alias_arn, var.timeout_s, var.retries]
}

run "its_roles_have_the_boundary_they_are_given" {
  variables {
    machine              = true
    permissions_boundary = "arn:aws:iam::123456789012:policy/crabwalk/limit"
  }

  assert {
    condition     = aws_iam_role.this[0].permissions_boundary == var.permissions_boundary
    error_message = "Every role of the module must have the boundary."
  }
}

run "without_one_its_roles_have_none" {
  variables {
    machine = true
  }

  assert {
    condition     = aws_iam_role.this[0].permissions_boundary == null
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
