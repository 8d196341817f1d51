output "name" {
  description = "Name of the pipe."
  value       = aws_pipes_pipe.this.name
}

output "arn" {
  description = "ARN of the pipe."
  value       = aws_pipes_pipe.this.arn
}

output "role_arn" {
  description = "ARN of the pipe's role."
  value       = aws_iam_role.this.arn
}

output "role_name" {
  description = "Name of the pipe's role."
  value       = aws_iam_role.this.name
}
