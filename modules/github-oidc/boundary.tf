# The most that any of the roles can ever do, whatever is attached to it later: the services above, at this
# environment's names; never users, keys or policies, never these roles themselves.

resource "aws_iam_policy" "boundary" {
  name        = "github-${var.name}-boundary"
  path        = local.path
  description = "The most that a role of ${var.repository} can do in ${var.name}"
  tags        = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid    = "Named"
        Effect = "Allow"
        Action = [
          "cloudwatch:*", "dynamodb:*", "events:*", "iam:*", "lambda:*", "logs:*", "pipes:*", "s3:*", "scheduler:*",
          "secretsmanager:*", "sqs:*", "states:*",
        ]
        Resource = concat(
          [local.functions, local.mappings, local.roles, local.queues, local.buckets, local.pipes, local.machines],
          [local.secrets, local.alarms, local.boards, local.bucket, "${local.bucket}/*"],
          local.layers, local.logs, local.tables, local.events, local.schedules,
        )
      },
      { Sid = "Numbered", Effect = "Allow", Action = ["apigateway:*", "cognito-idp:*"], Resource = concat(local.apis, [local.user_pools]) },
      {
        Sid    = "WithoutNames"
        Effect = "Allow"
        Action = [
          "cloudformation:CreateResource", "cloudformation:DeleteResource", "cloudformation:GetResource*",
          "iam:ListOpenIDConnectProviders", "kms:DescribeKey", "kms:Get*", "kms:List*",
          "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "ec2:Describe*", "lambda:*EventSourceMapping", "logs:*LogDeliver*",
          "logs:DescribeLogGroups", "logs:*ResourcePolic*", "logs:ListTagsForResource", "states:ValidateStateMachineDefinition",
        ]
        Resource = "*"
      },
      { Sid = "Own", Effect = "Allow", Action = ["iam:Get*", "iam:List*"], Resource = local.own },
      {
        Sid       = "NeverThemselves"
        Effect    = "Deny"
        NotAction = ["iam:Get*", "iam:List*"]
        Resource  = "arn:${local.partition}:iam::${local.account}:*${local.path}*"
      },
      {
        Sid       = "NeverARoleWithoutItsBoundary"
        Effect    = "Deny"
        Action    = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
        Resource  = "*"
        Condition = { StringNotEquals = { "iam:PermissionsBoundary" = local.services_boundary } }
      },
      {
        Sid    = "NeverTheBoundaryItself"
        Effect = "Deny"
        Action = [
          "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:DeleteRolePermissionsBoundary",
          "iam:SetDefaultPolicyVersion",
        ]
        Resource = "*"
      },
      {
        Sid      = "NeverTheBucketItself"
        Effect   = "Deny"
        Action   = ["s3:DeleteBucket*", "s3:PutBucket*", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"]
        Resource = local.bucket
      },
    ], local.bus_statements, local.key_statements.writes)
  })
}
