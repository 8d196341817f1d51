variable "function_name" {
  description = "Name of the function, which the machine is named after."
  type        = string
}

variable "alias_arn" {
  description = "ARN of the alias that the task invokes."
  type        = string
}

variable "permissions_boundary" {
  description = "ARN of the policy that is the most the machine's role can ever do; null for none."
  type        = string
}

variable "tags" {
  description = "Tags of the service."
  type        = map(string)
}
