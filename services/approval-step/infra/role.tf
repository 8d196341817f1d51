# What the machine acts as: it may invoke the alias, which the task's module allows, and nothing else.

locals {
  partition = split(":", var.alias_arn)[1]
  region    = split(":", var.alias_arn)[3]
  account   = split(":", var.alias_arn)[4]
}

resource "aws_iam_role" "machine" {
  name                 = length(local.name) <= 64 ? local.name : "${substr(local.name, 0, 55)}-${substr(sha256(local.name), 0, 8)}"
  description          = "The state machine ${local.name} invokes ${var.function_name} by its alias"
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
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${local.name}" }
      }
    }]
  })
}
