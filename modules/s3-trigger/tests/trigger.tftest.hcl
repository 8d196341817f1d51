# One list of rules for the bucket, all to the alias, and only this bucket of this account may invoke it.

mock_provider "aws" {}

variables {
  bucket        = "images.example.com"
  function_name = "thumbnails"
  alias_arn     = "arn:aws:lambda:eu-west-1:123456789012:function:thumbnails:live"
}

run "every_rule_leads_to_the_alias" {
  variables {
    rules = [
      { prefix = "in/", suffix = ".jpg" },
      { prefix = "in/", suffix = ".png", events = ["removed", "created"] },
      { events = ["expired", "restored", "tagged"] },
    ]
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_notification.this.lambda_function : rule.lambda_function_arn == var.alias_arn])
    error_message = "No rule may pass by the alias."
  }

  assert {
    condition = jsonencode([for rule in aws_s3_bucket_notification.this.lambda_function : sort(rule.events)]) == jsonencode([
      ["s3:ObjectCreated:*"],
      ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
      ["s3:LifecycleExpiration:*", "s3:ObjectRestore:*", "s3:ObjectTagging:*"],
    ])
    error_message = "Each word must become S3's own event."
  }
}

run "only_this_bucket_of_this_account_and_only_the_alias" {
  assert {
    condition = (
      aws_lambda_permission.this.qualifier == "live" &&
      aws_lambda_permission.this.source_arn == "arn:aws:s3:::images.example.com" &&
      aws_lambda_permission.this.source_account == "123456789012" &&
      aws_lambda_permission.this.statement_id == "s3-images_example_com"
    )
    error_message = "Another account's bucket of the same name must not invoke, and nothing but the alias may be invoked."
  }
}

run "refuses_rules_that_would_tell_of_one_object_twice" {
  command = plan

  variables {
    rules = [{ prefix = "in/" }, { prefix = "in/big/", events = ["created", "removed"] }]
  }

  expect_failures = [var.rules]
}

run "refuses_an_unknown_event" {
  command = plan

  variables {
    rules = [{ events = ["read"] }]
  }

  expect_failures = [var.rules]
}

run "refuses_a_version_in_place_of_the_alias" {
  command = plan

  variables {
    alias_arn = "arn:aws:lambda:eu-west-1:123456789012:function:thumbnails:7"
  }

  expect_failures = [var.alias_arn]
}
