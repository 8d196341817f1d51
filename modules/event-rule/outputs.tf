output "name" {
  description = "Name of the rule."
  value       = aws_cloudwatch_event_rule.this.name
}

output "arn" {
  description = "ARN of the rule."
  value       = aws_cloudwatch_event_rule.this.arn
}

output "archive_arn" {
  description = "ARN of the archive, to replay from; null without one."
  value       = one(aws_cloudwatch_event_archive.this[*].arn)
}

output "dead_letter_statement_json" {
  description = "Statement that the dead-letter queue's policy must have, as JSON; null without a dead-letter queue."
  value = var.dead_letter_arn == null ? null : jsonencode({
    Effect    = "Allow"
    Principal = { Service = "events.amazonaws.com" }
    Action    = "sqs:SendMessage"
    Resource  = var.dead_letter_arn
    Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.this.arn } }
  })
}
