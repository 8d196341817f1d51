output "name" {
  description = "Name of the secret."
  value       = aws_secretsmanager_secret.this.name
}

output "arn" {
  description = "ARN of the secret, which ends in six characters that Secrets Manager chose."
  value       = aws_secretsmanager_secret.this.arn
}
