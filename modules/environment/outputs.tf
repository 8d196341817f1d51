output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.bucket
}

output "bucket_arn" {
  description = "ARN of the bucket, for policies of the roles that deploy."
  value       = aws_s3_bucket.this.arn
}

output "kms_key_arn" {
  description = "ARN of the key the bucket is encrypted with; null unless `kms` is true."
  value       = one(aws_kms_key.this[*].arn)
}
