# The alias gets the messages, and the role may receive from this queue and nothing else, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:made", url = "https://sqs.eu-west-1.amazonaws.com/123456789012/made" }
  }
}

variables {
  queue_arn     = "arn:aws:sqs:eu-west-1:123456789012:jobs"
  function_name = "worker"
  alias_arn     = "arn:aws:lambda:eu-west-1:123456789012:function:worker:live"
  role_name     = "worker"
}

run "messages_go_to_the_alias_and_the_role_may_receive_them" {
  assert {
    condition = (
      aws_lambda_event_source_mapping.this.function_name == var.alias_arn &&
      aws_lambda_event_source_mapping.this.event_source_arn == var.queue_arn
    )
    error_message = "The mapping must lead from the queue to the alias."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [{
      Effect   = "Allow"
      Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      Resource = "arn:aws:sqs:eu-west-1:123456789012:jobs"
    }]
    error_message = "Three actions on one queue."
  }

  assert {
    condition     = aws_iam_role_policy.this.name == "sqs-jobs" && aws_iam_role_policy.this.role == "worker"
    error_message = "Two consumers of one role must not write the same policy."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "Only what failed must come again."
  }

  assert {
    condition     = length(module.queue) == 0 && output.queue_arn == var.queue_arn && output.queue_url == null
    error_message = "A queue that is there is not made."
  }
}

run "its_own_queue" {
  variables {
    queue_arn = null
    queue     = { name = "made", max_receives = 2 }
  }

  assert {
    condition     = output.queue_arn == "arn:aws:sqs:eu-west-1:123456789012:made" && output.dead_letter_arn != null
    error_message = "The queue must be made, with its dead-letter queue."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.event_source_arn == output.queue_arn
    error_message = "The mapping must read the queue that was made."
  }
}

run "an_encrypted_queue_a_limit_and_a_filter" {
  variables {
    kms_key_arn     = "arn:aws:kms:eu-west-1:123456789012:key/1234"
    max_concurrency = 5
    filters         = ["{\"body\": {\"kind\": [\"order\"]}}"]
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.this.policy).Statement[1].Resource == var.kms_key_arn
    error_message = "The role must be allowed to use the key."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.scaling_config[0].maximum_concurrency == 5
    error_message = "The queue must not cause more invocations."
  }

  assert {
    condition     = one(one(aws_lambda_event_source_mapping.this.filter_criteria).filter).pattern == var.filters[0]
    error_message = "The filter must be passed on."
  }
}

run "refuses_a_function_in_place_of_its_alias" {
  command = plan

  variables {
    alias_arn = "arn:aws:lambda:eu-west-1:123456789012:function:worker"
  }

  expect_failures = [var.alias_arn]
}

run "refuses_the_alias_of_another_function" {
  command = plan

  variables {
    function_name = "another"
  }

  expect_failures = [aws_lambda_event_source_mapping.this]
}

run "refuses_two_queues" {
  command = plan

  variables {
    queue = { name = "made" }
  }

  expect_failures = [aws_lambda_event_source_mapping.this]
}

run "refuses_a_large_batch_without_a_window" {
  command = plan

  variables {
    batch = 11
  }

  expect_failures = [aws_lambda_event_source_mapping.this]
}

run "refuses_a_window_of_a_fifo_queue" {
  command = plan

  variables {
    queue_arn = "arn:aws:sqs:eu-west-1:123456789012:jobs.fifo"
    window_s  = 1
  }

  expect_failures = [aws_lambda_event_source_mapping.this]
}
