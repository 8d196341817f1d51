# Two queues that belong together, encrypted and by TLS only, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:jobs", url = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs" }
  }
}

override_resource {
  target = aws_sqs_queue.dead
  values = { arn = "arn:aws:sqs:eu-west-1:123456789012:jobs-dead", url = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs-dead" }
}

variables {
  name = "jobs"
}

run "safe_by_default" {
  assert {
    condition     = aws_sqs_queue.this.sqs_managed_sse_enabled && aws_sqs_queue.dead[0].sqs_managed_sse_enabled
    error_message = "Both queues must be encrypted."
  }

  assert {
    condition = alltrue([
      for policy in [aws_sqs_queue_policy.this, aws_sqs_queue_policy.dead[0]] :
      jsondecode(policy.policy).Statement[0].Effect == "Deny" &&
      jsondecode(policy.policy).Statement[0].Condition == { Bool = { "aws:SecureTransport" = "false" } }
    ])
    error_message = "Both queues must refuse what does not come by TLS."
  }
}

run "what_failed_too_often_goes_to_the_dead_letter_queue_and_nothing_else_does" {
  assert {
    condition = jsondecode(aws_sqs_queue_redrive_policy.this[0].redrive_policy) == {
      deadLetterTargetArn = "arn:aws:sqs:eu-west-1:123456789012:jobs-dead"
      maxReceiveCount     = 5
    }
    error_message = "The queue must name its dead-letter queue."
  }

  assert {
    condition = jsondecode(aws_sqs_queue_redrive_allow_policy.dead[0].redrive_allow_policy) == {
      redrivePermission = "byQueue"
      sourceQueueArns   = ["arn:aws:sqs:eu-west-1:123456789012:jobs"]
    }
    error_message = "The dead-letter queue must take messages of this queue only."
  }

  assert {
    condition     = aws_sqs_queue.dead[0].message_retention_seconds == 1209600 && output.dead_letter_name == "jobs-dead"
    error_message = "What failed must be kept as long as can be."
  }
}

run "a_fifo_queue_and_its_dead_letter_queue_are_both_fifo" {
  variables {
    fifo = true
  }

  assert {
    condition     = output.name == "jobs.fifo" && output.dead_letter_name == "jobs-dead.fifo" && aws_sqs_queue.dead[0].fifo_queue
    error_message = "SQS wants both to be FIFO, and to be called so."
  }
}

run "no_dead_letter_queue" {
  variables {
    max_receives = null
  }

  assert {
    condition     = length(aws_sqs_queue.dead) == 0 && length(aws_sqs_queue_redrive_policy.this) == 0 && output.dead_letter_arn == null
    error_message = "Nobody asked for a dead-letter queue."
  }
}

run "a_key_of_ones_own_instead_of_sqs_s" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1234"
  }

  assert {
    condition     = aws_sqs_queue.this.kms_master_key_id == var.kms_key_arn && aws_sqs_queue.dead[0].kms_master_key_id == var.kms_key_arn
    error_message = "Both queues must be encrypted with the key."
  }
}

run "further_statements_come_behind_the_one_about_tls" {
  variables {
    policy_statements_json = ["{\"Effect\": \"Allow\", \"Principal\": {\"Service\": \"events.amazonaws.com\"}, \"Action\": \"sqs:SendMessage\", \"Resource\": \"*\"}"]
  }

  assert {
    condition     = [for statement in jsondecode(aws_sqs_queue_policy.this.policy).Statement : statement.Effect] == ["Deny", "Allow"]
    error_message = "A further statement must not take the place of the one about TLS."
  }
}

run "refuses_a_name_that_leaves_no_room" {
  command = plan

  variables {
    name = "a123456789-123456789-123456789-123456789-123456789-123456789-123456789-"
  }

  expect_failures = [var.name]
}

run "refuses_a_retention_beyond_14_days" {
  command = plan

  variables {
    retention_s = 1209601
  }

  expect_failures = [var.retention_s]
}

run "refuses_text_as_statement" {
  command = plan

  variables {
    policy_statements_json = ["allow all"]
  }

  expect_failures = [var.policy_statements_json]
}
