# What is safe by default, and what keys, indexes and streams become, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_dynamodb_table" {
    defaults = {
      arn        = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"
      stream_arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000"
    }
  }
}

variables {
  name          = "orders"
  partition_key = { name = "id" }
}

run "safe_by_default" {
  assert {
    condition = (
      aws_dynamodb_table.this.billing_mode == "PAY_PER_REQUEST" &&
      aws_dynamodb_table.this.point_in_time_recovery[0].enabled &&
      aws_dynamodb_table.this.server_side_encryption[0].enabled
    )
    error_message = "A table must be paid by request, recoverable and encrypted."
  }

  assert {
    condition     = aws_dynamodb_table.this.stream_enabled == false && output.stream_arn == null
    error_message = "Nobody asked for a stream."
  }

  assert {
    condition     = jsonencode([for key in aws_dynamodb_table.this.attribute : { name = key.name, type = key.type }]) == jsonencode([{ name = "id", type = "S" }])
    error_message = "Only keys are attributes of a table."
  }
}

run "keys_indexes_and_a_stream" {
  variables {
    sort_key = { name = "created", type = "N" }
    ttl      = "expires"
    stream   = "new-and-old-images"
    indexes = {
      by-state = {
        partition_key = { name = "state" }
        sort_key      = { name = "created", type = "N" }
        projection    = "include"
        attributes    = ["total"]
      }
    }
  }

  assert {
    condition     = jsonencode({ for key in aws_dynamodb_table.this.attribute : key.name => key.type }) == jsonencode({ id = "S", created = "N", state = "S" })
    error_message = "A key that is used twice is declared once."
  }

  assert {
    condition = alltrue([
      for index in aws_dynamodb_table.this.global_secondary_index :
      index.projection_type == "INCLUDE" && index.non_key_attributes == toset(["total"]) && index.range_key == "created"
    ]) && length(aws_dynamodb_table.this.global_secondary_index) == 1
    error_message = "The index must be as it was asked for."
  }

  assert {
    condition     = aws_dynamodb_table.this.stream_view_type == "NEW_AND_OLD_IMAGES" && startswith(output.stream_arn, aws_dynamodb_table.this.arn)
    error_message = "The stream must carry both images, and its ARN be known."
  }

  assert {
    condition     = one(aws_dynamodb_table.this.ttl).attribute_name == "expires" && one(aws_dynamodb_table.this.ttl).enabled
    error_message = "Items must expire."
  }
}

run "refuses_one_attribute_with_two_types" {
  command = plan

  variables {
    indexes = { by-id = { partition_key = { name = "id", type = "N" } } }
  }

  expect_failures = [aws_dynamodb_table.this]
}

run "refuses_a_type_that_is_no_keys" {
  command = plan

  variables {
    partition_key = { name = "id", type = "BOOL" }
  }

  expect_failures = [var.partition_key]
}

run "refuses_attributes_without_include" {
  command = plan

  variables {
    indexes = { by-state = { partition_key = { name = "state" }, attributes = ["total"] } }
  }

  expect_failures = [var.indexes]
}

run "refuses_an_unknown_stream" {
  command = plan

  variables {
    stream = "everything"
  }

  expect_failures = [var.stream]
}
