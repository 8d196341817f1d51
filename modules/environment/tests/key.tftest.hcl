# A key of the bucket's own, and the bucket's policy, checked without an AWS account.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:123456789012:key/1" }
  }
}

variables {
  bucket = "crabwalk-shop-staging-123456789012"
}

run "without_a_key" {
  assert {
    condition     = output.kms_key_arn == null && length(aws_kms_key.this) == 0
    error_message = "A key that nobody asked for costs money."
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"
    error_message = "The bucket must refuse what comes without TLS."
  }
}

run "with_a_key" {
  variables {
    kms = true
  }

  assert {
    condition     = aws_kms_key.this[0].enable_key_rotation && output.kms_key_arn == aws_kms_key.this[0].arn
    error_message = "The key must rotate and be told."
  }

  assert {
    condition = [
      for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule :
      [rule.bucket_key_enabled, rule.apply_server_side_encryption_by_default[0].sse_algorithm, rule.apply_server_side_encryption_by_default[0].kms_master_key_id]
    ] == [[true, "aws:kms", aws_kms_key.this[0].arn]]
    error_message = "The bucket must be encrypted with the key."
  }

  assert {
    condition     = jsondecode(aws_kms_key.this[0].policy).Statement[0].Principal.AWS == "arn:aws:iam::123456789012:root"
    error_message = "IAM of the account must decide who may use the key."
  }
}
