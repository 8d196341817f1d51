output "role_arns" {
  description = "ARN of each role by its short name, for the workflows."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}

output "oidc_provider_arn" {
  description = "ARN of the provider the roles trust."
  value       = local.provider_arn
}

output "boundary_arn" {
  description = "ARN of the permissions boundary of all five roles."
  value       = aws_iam_policy.boundary.arn
}

output "services_boundary_arn" {
  description = "ARN of the permissions boundary that every role which deploy makes must have."
  value       = local.services_boundary
}

output "subjects" {
  description = "The claims of GitHub that each role trusts."
  value       = { for name in var.roles : name => local.subjects[name] }
}
