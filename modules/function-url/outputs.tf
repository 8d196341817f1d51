output "url_id" {
  description = "Identifier of the URL: the first part of its host."
  value       = aws_lambda_function_url.this.url_id
}

output "url_endpoint" {
  description = "The URL, without a slash at its end."
  value       = trimsuffix(aws_lambda_function_url.this.function_url, "/")
}
