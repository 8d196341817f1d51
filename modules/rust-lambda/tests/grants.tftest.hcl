# What the role may do, and what stays for a version that still runs, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/hello" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/hello" }
  }
}

variables {
  function_name   = "hello"
  artifact_bucket = "artifacts"
  artifact_key    = "artifacts/first.zip"
}

run "each_grant_is_a_policy_of_its_own" {
  variables {
    access = {
      table = {
        actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
        resources = ["arn:aws:dynamodb:eu-west-1:123456789012:table/hello"]
      }
      jobs = {
        actions   = ["sqs:SendMessage"]
        resources = ["arn:aws:sqs:eu-west-1:123456789012:hello-jobs"]
      }
    }
  }

  assert {
    condition     = toset([for policy in aws_iam_role_policy.access : policy.name]) == toset(["access-table", "access-jobs"])
    error_message = "A grant must come and go without touching the others."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.access["table"].policy).Statement == [{
      Effect   = "Allow"
      Action   = ["dynamodb:GetItem", "dynamodb:PutItem"]
      Resource = ["arn:aws:dynamodb:eu-west-1:123456789012:table/hello"]
    }]
    error_message = "A grant allows its actions on its resources."
  }
}

run "what_the_version_of_before_needs_stays" {
  variables {
    dead_letter_arn = "arn:aws:sqs:eu-west-1:123456789012:lost"

    kept_permissions = {
      tracing          = true
      vpc              = true
      kms_key_arns     = ["arn:aws:kms:eu-west-1:123456789012:key/0"]
      dead_letter_arns = ["arn:aws:sns:eu-west-1:123456789012:lost", "arn:aws:sqs:eu-west-1:123456789012:lost"]
    }
  }

  assert {
    condition     = length(aws_iam_role_policy.tracing) == 1 && length(aws_iam_role_policy.vpc) == 1
    error_message = "The permissions must stay."
  }

  assert {
    condition     = one(aws_lambda_function.this.tracing_config).mode == "PassThrough" && length(aws_lambda_function.this.vpc_config) == 0
    error_message = "The configuration must not."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.key[0].policy).Statement[0].Resource == ["arn:aws:kms:eu-west-1:123456789012:key/0"]
    error_message = "The old key must still decrypt the variables of the version of before."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.dead_letter[0].policy).Statement == [
      { Effect = "Allow", Action = "sns:Publish", Resource = ["arn:aws:sns:eu-west-1:123456789012:lost"] },
      { Effect = "Allow", Action = "sqs:SendMessage", Resource = ["arn:aws:sqs:eu-west-1:123456789012:lost"] },
    ]
    error_message = "Each dead-letter target must be named once, with the action of its service."
  }
}

run "refuses_grants_of_nothing_or_of_everything" {
  command = plan

  variables {
    access = {
      "no action"  = { actions = [], resources = ["*"] }
      "everything" = { actions = ["*"], resources = ["*"] }
    }
  }

  expect_failures = [var.access]
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
