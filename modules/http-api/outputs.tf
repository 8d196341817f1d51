output "api_id" {
  description = "Identifier of the API."
  value       = aws_apigatewayv2_api.this.id
}

output "api_endpoint" {
  description = "URL of the API; its `$default` stage has no path of its own."
  value       = aws_apigatewayv2_api.this.api_endpoint
}
