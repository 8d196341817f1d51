output "name" {
  description = "Name of the table."
  value       = aws_dynamodb_table.this.name
}

output "arn" {
  description = "ARN of the table; of its indexes with `/index/*` behind it."
  value       = aws_dynamodb_table.this.arn
}

output "stream_arn" {
  description = "ARN of the table's stream; null when it has none."
  value       = var.stream == null ? null : aws_dynamodb_table.this.stream_arn
}
