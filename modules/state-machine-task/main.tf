# What a Step Functions state machine needs to invoke one alias of a function: a task with retries for what Lambda
# itself may do wrong, and the right to it. On request a machine of this one task.

locals {
  # Not the function's own errors: whether those are worth another try only the machine's author knows.
  # The names are in "Handle transient Lambda service exceptions" of the Step Functions developer guide.
  transient = [
    "Lambda.ClientExecutionTimeoutException", "Lambda.ServiceException", "Lambda.AWSLambdaException",
    "Lambda.SdkClientException", "Lambda.TooManyRequestsException",
  ]

  task = {
    Type           = "Task"
    Comment        = "invokes ${var.function_name} by its alias"
    Resource       = "arn:${local.partition}:states:::lambda:invoke"
    TimeoutSeconds = var.timeout_s
    Arguments = {
      FunctionName = var.alias_arn
      Payload      = "{% $states.input %}"
    }
    Output = "{% $states.result.Payload %}"
    Retry = [{
      ErrorEquals     = local.transient
      IntervalSeconds = 1
      BackoffRate     = 2
      MaxAttempts     = var.retries
      MaxDelaySeconds = 60
      JitterStrategy  = "FULL"
    }]
  }

  policy = {
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "lambda:InvokeFunction"
      Resource = var.alias_arn
    }]
  }
}

resource "aws_iam_role_policy" "given" {
  count = var.role_name == null ? 0 : 1

  name   = "invoke-${var.function_name}"
  role   = var.role_name
  policy = jsonencode(local.policy)
}
