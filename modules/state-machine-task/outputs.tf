output "name" {
  description = "Name of the machine; null unless one is made."
  value       = one(aws_sfn_state_machine.this[*].name)
}

output "arn" {
  description = "ARN of the machine; null unless one is made."
  value       = one(aws_sfn_state_machine.this[*].arn)
}

output "role_arn" {
  description = "ARN of the made machine's role; null unless one is made."
  value       = one(aws_iam_role.this[*].arn)
}

output "task_json" {
  description = "The task as JSON, for a definition in JSONata: add `Next` or `End`."
  value       = jsonencode(local.task)
}

output "policy_json" {
  description = "Policy that lets a state machine's role invoke the alias, as JSON."
  value       = jsonencode(local.policy)
}
