# Roles for the jobs of one repository in one environment: each does one thing, and none needs a stored key.
# They lie below the path /crabwalk/, where nothing that deploy may write lies: no role can change itself or another.

locals {
  path      = "/crabwalk/"
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.name
  issuer    = "token.actions.githubusercontent.com"

  provider_arn = var.oidc_provider_arn == null ? one(aws_iam_openid_connect_provider.this[*].arn) : var.oidc_provider_arn

  policies = { for name, documents in local.granted : name => documents if contains(var.roles, name) }
  attached = merge([
    for role, documents in local.policies : { for part, statements in documents : "${role}-${part}" => { role = role, statements = statements } }
  ]...)
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

resource "aws_iam_openid_connect_provider" "this" {
  count = var.oidc_provider_arn == null ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
}

resource "aws_iam_role" "this" {
  for_each = local.policies

  name                 = "github-${var.name}-${each.key}"
  path                 = local.path
  description          = "${each.key}: jobs of ${var.repository}"
  max_session_duration = var.max_session_s
  permissions_boundary = aws_iam_policy.boundary.arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = local.provider_arn }
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = local.subjects[each.key]
        }
      }
    }]
  })
}

resource "aws_iam_policy" "this" {
  for_each = local.attached

  name        = "github-${var.name}-${each.key}"
  path        = local.path
  description = "What ${each.value.role} may do in ${var.name}"
  policy      = jsonencode({ Version = "2012-10-17", Statement = each.value.statements })
  tags        = var.tags

  lifecycle {
    precondition {
      condition     = length(jsonencode({ Version = "2012-10-17", Statement = each.value.statements })) <= 6144
      error_message = "IAM allows a policy 6144 characters; a shorter name or bucket makes it fit."
    }
  }
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = local.attached

  role       = aws_iam_role.this[each.value.role].name
  policy_arn = aws_iam_policy.this[each.key].arn
}
