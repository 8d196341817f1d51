output "api_id" {
  description = "Identifier of the API."
  value       = aws_apigatewayv2_api.this.id
}

output "api_endpoint" {
  description = "URL of the API, by its own name if it has one; its `$default` stage has no path of its own."
  value       = var.domain == null ? aws_apigatewayv2_api.this.api_endpoint : "https://${aws_apigatewayv2_api_mapping.this[0].domain_name}"
}

output "arn" {
  description = "ARN of the API."
  value       = aws_apigatewayv2_api.this.arn
}

output "domain_target" {
  description = "Name and hosted zone that the own name has to point at (an alias record, or a CNAME to the name); null without one."
  value = var.domain == null ? null : {
    name    = aws_apigatewayv2_domain_name.this[0].domain_name_configuration[0].target_domain_name
    zone_id = aws_apigatewayv2_domain_name.this[0].domain_name_configuration[0].hosted_zone_id
  }
}

output "access_log_group_name" {
  description = "Name of the log group of the access logs; null without them."
  value       = one(aws_cloudwatch_log_group.access[*].name)
}
