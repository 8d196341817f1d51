output "mapping_id" {
  description = "Identifier (UUID) of the event source mapping."
  value       = aws_lambda_event_source_mapping.this.uuid
}

output "arn" {
  description = "ARN of the event source mapping."
  value       = aws_lambda_event_source_mapping.this.arn
}

output "queue_arn" {
  description = "ARN of the queue, given or made."
  value       = local.queue_arn
}

output "queue_url" {
  description = "URL of the queue the module made; null when it was given."
  value       = one(module.queue[*].url)
}

output "dead_letter_arn" {
  description = "ARN of the dead-letter queue the module made; null when there is none or the queue was given."
  value       = one(module.queue[*].dead_letter_arn)
}
