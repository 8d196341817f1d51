output "alarm_name" {
  description = "Name of the module's own alarm; null when it has none."
  value       = one(aws_cloudwatch_metric_alarm.this[*].alarm_name)
}

output "state_machine_arn" {
  description = "ARN of the state machine that undoes releases."
  value       = aws_sfn_state_machine.this.arn
}
