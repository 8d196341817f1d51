output "name" {
  description = "Name of the pool that was made; null where one was given."
  value       = one(aws_cognito_user_pool.this[*].name)
}

output "id" {
  description = "Id of the pool."
  value       = local.pool_id
}

output "arn" {
  description = "ARN of the pool."
  value       = local.pool_arn
}

output "lambda_config_json" {
  description = "What the pool's LambdaConfig must have, as JSON in the words of Cognito's API."
  value       = local.wanted
}
