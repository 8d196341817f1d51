output "name" {
  description = "Name of the layer."
  value       = aws_lambda_layer_version.this.layer_name
}

output "arn" {
  description = "ARN of this version of the layer: what a function names."
  value       = aws_lambda_layer_version.this.arn
}

output "layer_arn" {
  description = "ARN of the layer, without a version."
  value       = aws_lambda_layer_version.this.layer_arn
}

output "version" {
  description = "Number of this version."
  value       = aws_lambda_layer_version.this.version
}
