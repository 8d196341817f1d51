# A bus is its name, checked without an AWS account.

mock_provider "aws" {}

variables {
  name = "audit"
}

run "is_named" {
  assert {
    condition     = aws_cloudwatch_event_bus.this.name == "audit" && output.name == "audit"
    error_message = "The bus must have its name."
  }
}

run "refuses_wrong_inputs" {
  command = plan

  variables {
    name        = "audit/events"
    description = ""
    kms_key_arn = "alias/key"
  }

  expect_failures = [var.name, var.description, var.kms_key_arn]
}

run "refuses_the_name_of_the_bus_that_is_there" {
  command = plan

  variables {
    name = "default"
  }

  expect_failures = [var.name]
}
