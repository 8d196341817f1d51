output "name" {
  description = "Name of the queue; a FIFO queue's ends in `.fifo`."
  value       = aws_sqs_queue.this.name
}

output "arn" {
  description = "ARN of the queue."
  value       = aws_sqs_queue.this.arn
}

output "url" {
  description = "URL by which messages are sent to the queue."
  value       = aws_sqs_queue.this.url
}

output "dead_letter_arn" {
  description = "ARN of the dead-letter queue; null when there is none."
  value       = one(aws_sqs_queue.dead[*].arn)
}

output "dead_letter_name" {
  description = "Name of the dead-letter queue; null when there is none."
  value       = one(aws_sqs_queue.dead[*].name)
}
