# From where, through what, to where, and by which rights, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/paid-pipe" }
  }
}

variables {
  name       = "paid"
  source_arn = "arn:aws:sqs:eu-west-1:123456789012:jobs"
  alias_arn  = "arn:aws:lambda:eu-west-1:123456789012:function:hello:live"
  target_arn = "arn:aws:sqs:eu-west-1:123456789012:done"
}

run "from_a_queue_through_the_alias_to_a_queue" {
  variables {
    filters = ["{\"body\":{\"kind\":[\"paid\"]}}", "{\"body\":{\"kind\":[\"refunded\"]}}"]
    batch   = 10
  }

  assert {
    condition = (
      aws_pipes_pipe.this.enrichment == var.alias_arn && aws_pipes_pipe.this.source == var.source_arn &&
      aws_pipes_pipe.this.target == var.target_arn && aws_pipes_pipe.this.desired_state == "RUNNING"
    )
    error_message = "The pipe must lead from the source through the alias to the target."
  }

  assert {
    condition = (
      one(one(aws_pipes_pipe.this.source_parameters).sqs_queue_parameters).batch_size == 10 &&
      tolist([for filter in one(one(aws_pipes_pipe.this.source_parameters).filter_criteria).filter : filter.pattern]) == var.filters
    )
    error_message = "Batch and filters must be the source's."
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : [statement.Action, statement.Resource]] == [
      [["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], var.source_arn],
      [["lambda:InvokeFunction"], var.alias_arn],
      [["sqs:SendMessage"], var.target_arn],
    ]
    error_message = "The role may read the source, invoke the alias and send to the target, and nothing else."
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.StringEquals == {
      "aws:SourceAccount" = "123456789012"
      "aws:SourceArn"     = "arn:aws:pipes:eu-west-1:123456789012:pipe/paid"
    }
    error_message = "Only this pipe may take the role on."
  }
}

run "from_a_table_to_a_bus" {
  variables {
    source_arn      = "arn:aws:dynamodb:eu-west-1:123456789012:table/todos/stream/2026-11-21T00:00:00.000"
    target_arn      = "arn:aws:events:eu-west-1:123456789012:event-bus/audit"
    start           = "TRIM_HORIZON"
    retries         = 3
    dead_letter_arn = "arn:aws:sns:eu-west-1:123456789012:lost"
    data_key_arns   = ["arn:aws:kms:eu-west-1:123456789012:key/0"]
  }

  assert {
    condition = (
      one(one(aws_pipes_pipe.this.source_parameters).dynamodb_stream_parameters).starting_position == "TRIM_HORIZON" &&
      one(one(aws_pipes_pipe.this.source_parameters).dynamodb_stream_parameters).maximum_retry_attempts == 3 &&
      one(one(one(aws_pipes_pipe.this.source_parameters).dynamodb_stream_parameters).dead_letter_config).arn == var.dead_letter_arn
    )
    error_message = "Start, retries and dead-letter target must be the stream's."
  }

  assert {
    condition = (
      one(one(aws_pipes_pipe.this.target_parameters).eventbridge_event_bus_parameters).source == "paid" &&
      one(one(aws_pipes_pipe.this.target_parameters).eventbridge_event_bus_parameters).detail_type == "enriched"
    )
    error_message = "Events on a bus must say where they come from."
  }

  assert {
    condition = flatten([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Action]) == [
      "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
      "lambda:InvokeFunction", "events:PutEvents", "sns:Publish", "kms:Decrypt", "kms:GenerateDataKey",
    ]
    error_message = "Stream, bus, topic and key need rights."
  }
}

run "from_kinesis_to_a_fifo_queue" {
  variables {
    source_arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
    target_arn = "arn:aws:sqs:eu-west-1:123456789012:done.fifo"
  }

  assert {
    condition = (
      one(one(aws_pipes_pipe.this.source_parameters).kinesis_stream_parameters).starting_position == "LATEST" &&
      one(one(aws_pipes_pipe.this.target_parameters).sqs_queue_parameters).message_group_id == "paid"
    )
    error_message = "A FIFO queue needs a message group."
  }
}

run "refuses_wrong_inputs" {
  command = plan

  variables {
    name              = "paid orders"
    source_arn        = "arn:aws:dynamodb:eu-west-1:123456789012:table/todos"
    alias_arn         = "arn:aws:lambda:eu-west-1:123456789012:function:hello"
    target_arn        = "arn:aws:s3:::done"
    filters           = ["paid"]
    batch             = 10001
    window_s          = 301
    start             = "latest"
    retries           = 0
    dead_letter_arn   = "lost"
    message_group_id  = ""
    event_source      = "aws.paid"
    event_detail_type = ""
    kms_key_arn       = "alias/key"
    data_key_arns     = ["alias/key"]
  }

  expect_failures = [
    var.name, var.source_arn, var.alias_arn, var.target_arn, var.filters, var.batch, var.window_s, var.start, var.retries,
    var.dead_letter_arn, var.message_group_id, var.event_source, var.event_detail_type, var.kms_key_arn, var.data_key_arns,
  ]
}

run "refuses_six_filters" {
  command = plan

  variables {
    filters = ["{}", "{}", "{}", "{}", "{}", "{}"]
  }

  expect_failures = [var.filters]
}

run "more_than_ten_messages_are_gathered" {
  variables {
    batch = 100
  }

  assert {
    condition     = one(one(aws_pipes_pipe.this.source_parameters).sqs_queue_parameters).maximum_batching_window_in_seconds == 1
    error_message = "AWS refuses a batch of more than ten messages without a window."
  }
}

run "refuses_to_gather_too_little" {
  command = plan

  variables {
    batch    = 100
    window_s = 0
  }

  expect_failures = [aws_pipes_pipe.this]
}

run "refuses_a_dead_letter_target_beside_a_queue" {
  command = plan

  variables {
    dead_letter_arn = "arn:aws:sqs:eu-west-1:123456789012:lost"
  }

  expect_failures = [aws_pipes_pipe.this]
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
