# The place of a secret and never its value, checked without an AWS account.

mock_provider "aws" {}

variables {
  name = "payments/api"
}

run "a_deleted_secret_can_be_brought_back" {
  assert {
    condition     = aws_secretsmanager_secret.this.recovery_window_in_days == 30 && aws_secretsmanager_secret.this.name == "payments/api"
    error_message = "A secret that is deleted by mistake must not be gone."
  }
}

run "refuses_a_window_that_secrets_manager_does_not_have" {
  command = plan

  variables {
    recovery_days = 3
  }

  expect_failures = [var.recovery_days]
}

run "refuses_a_name_with_a_space" {
  command = plan

  variables {
    name = "payments api"
  }

  expect_failures = [var.name]
}
