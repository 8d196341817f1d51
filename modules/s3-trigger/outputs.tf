output "bucket" {
  description = "Name of the bucket, known once its events reach the function."
  value       = aws_s3_bucket_notification.this.bucket
}

output "rule_names" {
  description = "Names of the rules, as S3 shows them and puts them into each event (`configurationId`)."
  value       = aws_s3_bucket_notification.this.lambda_function[*].id
}
