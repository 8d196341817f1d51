output "name" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.bucket
}

output "arn" {
  description = "ARN of the bucket; of its objects with `/*` behind it."
  value       = aws_s3_bucket.this.arn
}
