output "state_machine_arn" {
  description = "ARN of the state machine; an execution of it walks."
  value       = aws_sfn_state_machine.this.arn
}

output "function_version_arn" {
  description = "ARN of the published version of the function that new executions are told to call."
  value       = "${aws_lambda_function.this.arn}:${aws_lambda_function.this.version}"
}

output "dead_letter_queue_url" {
  description = "Address of the queue with the walks that were given up."
  value       = aws_sqs_queue.dead.url
}

output "alarm_names" {
  description = "Names of the alarms by what they watch."
  value       = { for name, alarm in aws_cloudwatch_metric_alarm.this : name => alarm.alarm_name }
}
