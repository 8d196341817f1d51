# A machine of the one task, when asked for: it shows how the task is used, and is enough where one task is all.

locals {
  # the name of a role has 64 characters at most, that of a machine 80
  full = "${var.name}-states"
  role = length(local.full) <= 64 ? local.full : "${substr(local.full, 0, 48)}-${substr(sha256(local.full), 0, 8)}-states"

  partition   = split(":", var.alias_arn)[1]
  region      = split(":", var.alias_arn)[3]
  account     = split(":", var.alias_arn)[4]
  machine_arn = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${var.name}"
}

resource "aws_sfn_state_machine" "this" {
  #checkov:skip=CKV_AWS_284:Tracing costs by the trace and is the caller's choice
  #checkov:skip=CKV_AWS_285:Step Functions keeps the whole history of a Standard execution for 90 days
  count = var.machine ? 1 : 0

  name     = var.name
  role_arn = aws_iam_role.this[0].arn
  type     = "STANDARD"
  tags     = var.tags

  definition = jsonencode({
    QueryLanguage = "JSONata"
    Comment       = "One task: ${var.function_name} by its alias"
    StartAt       = "Invoke"
    States        = { Invoke = merge(local.task, { End = true }) }
  })

  depends_on = [aws_iam_role_policy.own]
}

resource "aws_iam_role" "this" {
  count = var.machine ? 1 : 0

  name                 = local.role
  description          = "The state machine ${var.name} invokes ${var.function_name} by its alias"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "states.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = local.machine_arn }
      }
    }]
  })
}

resource "aws_iam_role_policy" "own" {
  count = var.machine ? 1 : 0

  name   = "invoke-${var.function_name}"
  role   = aws_iam_role.this[0].id
  policy = jsonencode(local.policy)
}
