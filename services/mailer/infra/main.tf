# The right to send, for mails from one domain: which account and region that is differs from environment to environment.
# The domain itself is verified once an account, by its DNS records, and is nobody's to take away: it is not made here.

variable "role_name" {}
variable "domain" { default = "example.com" }

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  place = "${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
}

resource "aws_iam_role_policy" "send" {
  name = "ses"
  role = var.role_name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "ses:SendEmail"
      Resource = "arn:${data.aws_partition.this.partition}:ses:${local.place}:identity/${var.domain}"
    }]
  })
}
