# The place of a secret. Its value is written by a person or another tool: no value ever comes into a state or a plan.

resource "aws_secretsmanager_secret" "this" {
  # checkov:skip=CKV_AWS_149:The account's key of Secrets Manager encrypts unless kms_key_arn names one
  # checkov:skip=CKV2_AWS_57:What rotates a value knows the system it is for; who has such a function adds the rotation
  name                    = var.name
  description             = var.description
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_days
  tags                    = var.tags
}
