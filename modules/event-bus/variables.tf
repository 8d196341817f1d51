variable "name" {
  description = "Name of the bus."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,256}$", var.name)) && var.name != "default"
    error_message = "name must be 1 to 256 letters, digits, hyphens, underscores or dots, and not `default`."
  }
}

variable "description" {
  description = "What the bus is for."
  type        = string
  default     = null

  validation {
    condition     = var.description == null ? true : length(var.description) >= 1 && length(var.description) <= 512
    error_message = "description must have 1 to 512 characters, or be null."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts events on the bus; null for EventBridge's own."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex("^arn:[^:]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "tags" {
  description = "Tags of the bus. Must not change with a commit."
  type        = map(string)
  default     = {}
}
