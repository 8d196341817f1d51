# Closed, encrypted and versioned unless asked otherwise, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::images", id = "images" }
  }
}

variables {
  name = "images-123456789012"
}

run "safe_by_default" {
  assert {
    condition = (
      aws_s3_bucket_public_access_block.this.block_public_acls &&
      aws_s3_bucket_public_access_block.this.block_public_policy &&
      aws_s3_bucket_public_access_block.this.ignore_public_acls &&
      aws_s3_bucket_public_access_block.this.restrict_public_buckets
    )
    error_message = "The public must be kept out in all four ways."
  }

  assert {
    condition = (
      aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled" &&
      one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256" &&
      aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    )
    error_message = "A bucket must be versioned, encrypted and without ACLs."
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.this.policy).Statement == [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::images", "arn:aws:s3:::images/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "What does not come by TLS must be refused, for the bucket and its objects."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.id] == ["abort-unfinished-uploads", "expire-noncurrent-versions"]
    error_message = "Unfinished uploads and old versions must go."
  }

  assert {
    condition     = aws_s3_bucket.this.force_destroy == false
    error_message = "A bucket with objects must not go with a destroy."
  }
}

run "without_versions_and_with_a_key_of_ones_own" {
  variables {
    versioned       = false
    noncurrent_days = null
    kms_key_arn     = "arn:aws:kms:eu-west-1:123456789012:key/1234"
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Suspended"
    error_message = "Suspended is what a bucket can become at any time."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn
    error_message = "The key must encrypt the objects."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.id] == ["abort-unfinished-uploads"]
    error_message = "Old versions must stay."
  }
}

run "refuses_a_name_in_capitals" {
  command = plan

  variables {
    name = "Images"
  }

  expect_failures = [var.name]
}

run "refuses_half_a_day" {
  command = plan

  variables {
    noncurrent_days = 0.5
  }

  expect_failures = [var.noncurrent_days]
}
