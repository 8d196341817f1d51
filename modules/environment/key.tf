# A key of one's own, on request: who may read the bucket is then a question of the key too, and its use is in CloudTrail.

resource "aws_kms_key" "this" {
  count = var.kms ? 1 : 0

  description             = "Encrypts the bucket ${var.bucket}: artifacts, Terraform states, the ledger"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = var.tags

  # IAM of this account decides who may use the key, and the account's owner can never lock themselves out of it.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "IamDecides"
      Effect    = "Allow"
      Principal = { AWS = "arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*" # in a key's policy: this key
    }]
  })
}

resource "aws_kms_alias" "this" {
  count = var.kms ? 1 : 0

  name          = "alias/${var.bucket}"
  target_key_id = one(aws_kms_key.this[*].key_id)
}
