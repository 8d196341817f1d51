# Approves payments: one task, which is asked again where another try may help, and whose refusals end in words.

module "task" {
  source = "../../../modules/state-machine-task"

  name                 = local.name
  function_name        = var.function_name
  alias_arn            = var.alias_arn
  role_name            = aws_iam_role.machine.name
  timeout_s            = 30 # more than the function's own
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

locals {
  name = "${var.function_name}-machine"
  task = jsondecode(module.task.task_json) # with retries for what Lambda itself may do wrong

  # The names the function gives its errors (src/fault.rs).
  passing = {
    ErrorEquals     = ["DirectoryUnavailable", "ApproverUnknown"]
    IntervalSeconds = 1
    BackoffRate     = 2
    MaxAttempts     = 3 # after 1, 3 and 7 s; a directory that is behind for longer needs a longer pause
  }

  # The directory will not know this name: then it is a decision.
  unknown = { decision = "rejected", id = "{% $states.input.id %}", reason = "unknown-approver" }

  check = merge(local.task, {
    Retry = concat([local.passing], local.task.Retry)
    Catch = [
      { ErrorEquals = ["InvalidRequest", "NoSuchEvent"], Next = "Invalid", Output = "{% $states.errorOutput %}" },
      { ErrorEquals = ["ApproverUnknown"], Next = "Rejected", Output = local.unknown },
      { ErrorEquals = ["Broken"], Next = "Undecided", Output = "{% $states.errorOutput %}" },
      { ErrorEquals = ["States.ALL"], Next = "Undecided", Output = "{% $states.errorOutput %}" },
    ]
    Next = "Decided"
  })

  states = {
    Check = local.check
    Decided = {
      Type    = "Choice"
      Choices = [{ Condition = "{% $states.input.decision = 'approved' %}", Next = "Approved" }]
      Default = "Rejected"
    }
    Approved = { Type = "Succeed" }
    Rejected = { Type = "Succeed" }
    Invalid = {
      Type  = "Fail"
      Error = "InvalidRequest"
      Cause = "{% $states.input.Cause %}"
    }
    Undecided = {
      Type  = "Fail"
      Error = "Undecided"
      Cause = "{% $states.input.Error & ': ' & $states.input.Cause %}"
    }
  }
}

resource "aws_sfn_state_machine" "approvals" {
  #checkov:skip=CKV_AWS_284:Tracing costs by the trace
  #checkov:skip=CKV_AWS_285:Step Functions keeps the whole history of a Standard execution for 90 days
  name     = local.name
  role_arn = aws_iam_role.machine.arn
  type     = "STANDARD"
  tags     = var.tags

  definition = jsonencode({
    QueryLanguage = "JSONata"
    Comment       = "Approves payments by ${var.function_name}"
    StartAt       = "Check"
    States        = local.states
  })

  depends_on = [module.task] # the role may invoke the alias
}
