# The alias gets the records, and the role may read this stream and nothing else, checked without an AWS account.

mock_provider "aws" {}

variables {
  source_arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000"
  alias_arn  = "arn:aws:lambda:eu-west-1:123456789012:function:audit:live"
  role_name  = "audit"
}

run "records_of_a_table_go_to_the_alias" {
  assert {
    condition = (
      aws_lambda_event_source_mapping.this.function_name == var.alias_arn &&
      aws_lambda_event_source_mapping.this.event_source_arn == var.source_arn &&
      aws_lambda_event_source_mapping.this.starting_position == "LATEST"
    )
    error_message = "The mapping must lead from the stream to the alias."
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.this.maximum_retry_attempts == -1 &&
      aws_lambda_event_source_mapping.this.bisect_batch_on_function_error &&
      aws_lambda_event_source_mapping.this.function_response_types == toset(["ReportBatchItemFailures"])
    )
    error_message = "Without a limit records are tried until they expire, halved and from where it failed."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [
      {
        Effect   = "Allow"
        Action   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
        Resource = ["arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000"]
      },
      { Effect = "Allow", Action = ["dynamodb:ListStreams"], Resource = ["*"] },
    ]
    error_message = "Three actions on one stream, and the names of all."
  }

  assert {
    condition     = aws_iam_role_policy.this.name == "stream-orders"
    error_message = "Two consumers of one role must not write the same policy."
  }
}

run "a_kinesis_stream_by_a_consumer_of_its_own" {
  variables {
    source_arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks/consumer/audit:1700000000"
    start      = "trim-horizon"
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement[0].Resource == [
      "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks",
      "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks/consumer/audit:1700000000",
    ]
    error_message = "The role must be allowed to read the stream and to subscribe by the consumer."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.starting_position == "TRIM_HORIZON" && aws_iam_role_policy.this.name == "stream-clicks"
    error_message = "Reading must begin at the oldest record."
  }
}

run "what_is_given_up_is_told" {
  variables {
    retries         = 2
    max_age_s       = 3600
    dead_letter_arn = "arn:aws:sns:eu-west-1:123456789012:lost"
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.this.maximum_retry_attempts == 2 &&
      aws_lambda_event_source_mapping.this.maximum_record_age_in_seconds == 3600 &&
      one(one(aws_lambda_event_source_mapping.this.destination_config).on_failure).destination_arn == var.dead_letter_arn
    )
    error_message = "After two retries or an hour the topic must be told."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.this.policy).Statement[2] == { Effect = "Allow", Action = ["sns:Publish"], Resource = [var.dead_letter_arn] }
    error_message = "The role must be allowed to tell it."
  }
}

run "refuses_a_table_in_place_of_its_stream" {
  command = plan

  variables {
    source_arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"
  }

  expect_failures = [var.source_arn]
}

run "refuses_a_function_in_place_of_its_alias" {
  command = plan

  variables {
    alias_arn = "arn:aws:lambda:eu-west-1:123456789012:function:audit"
  }

  expect_failures = [var.alias_arn]
}

run "refuses_more_than_five_filters" {
  command = plan

  variables {
    filters = ["{}", "{}", "{}", "{}", "{}", "{}"]
  }

  expect_failures = [var.filters]
}
