variable "function_name" {
  description = "Name of the function; its role and log group are named after it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.function_name))
    error_message = "function_name must be 1 to 64 letters, digits, hyphens or underscores."
  }
}

variable "description" {
  description = "What the function is for."
  type        = string
  default     = ""

  validation {
    condition     = length(var.description) <= 256
    error_message = "description must not be longer than 256 characters."
  }
}

variable "artifact_bucket" {
  description = "Bucket of the zip the function is created from. Later zips are the release engine's business."
  type        = string
}

variable "artifact_key" {
  description = "Key of the zip the function is created from; looked at only when the function is created."
  type        = string
}

variable "architecture" {
  description = "Instruction set of the first zip: arm64 or x86_64; looked at only when the function is created."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "runtime" {
  description = "Lambda runtime; a custom one, since the zip holds an executable named `bootstrap`."
  type        = string
  default     = "provided.al2023"

  validation {
    condition     = startswith(var.runtime, "provided.")
    error_message = "runtime must be a custom runtime such as provided.al2023."
  }
}

variable "memory_mb" {
  description = "Memory in MB; Lambda gives CPU in proportion."
  type        = number
  default     = 128

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "memory_mb must be a whole number from 128 to 10240."
  }
}

variable "timeout_s" {
  description = "Seconds after which Lambda ends an invocation."
  type        = number
  default     = 3

  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 900 && floor(var.timeout_s) == var.timeout_s
    error_message = "timeout_s must be a whole number from 1 to 900."
  }
}

variable "ephemeral_storage_mb" {
  description = "Size of /tmp in MB."
  type        = number
  default     = 512

  validation {
    condition = (
      var.ephemeral_storage_mb >= 512 && var.ephemeral_storage_mb <= 10240 &&
      floor(var.ephemeral_storage_mb) == var.ephemeral_storage_mb
    )
    error_message = "ephemeral_storage_mb must be a whole number from 512 to 10240."
  }
}

variable "reserved_concurrency" {
  description = "Executions at the same time that are reserved for, and allowed to, the function; -1 reserves none, 0 stops it."
  type        = number
  default     = -1

  validation {
    condition     = var.reserved_concurrency >= -1 && floor(var.reserved_concurrency) == var.reserved_concurrency
    error_message = "reserved_concurrency must be a whole number, -1 or more."
  }
}

variable "layers" {
  description = "ARNs of layer versions, at most five, in the order they are laid over each other."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.layers) <= 5
    error_message = "layers must not name more than five layer versions."
  }
}

variable "vpc" {
  description = "Subnets and security groups of the function's network interfaces; null keeps it outside any VPC."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "dead_letter_arn" {
  description = "ARN of the SQS queue or SNS topic for asynchronous events that failed for good; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.dead_letter_arn == null ? true : can(regex("^arn:[^:]+:(sqs|sns):", var.dead_letter_arn))
    error_message = "dead_letter_arn must be the ARN of an SQS queue or an SNS topic."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the environment variables; null for Lambda's own key."
  type        = string
  default     = null
}

variable "environment" {
  description = "Environment variables of the function."
  type        = map(string)
  default     = {}
}

variable "log_retention_days" {
  description = "Days CloudWatch Logs keeps the function's log; 0 keeps it for ever."
  type        = number
  default     = 7

  validation {
    condition = contains(
      [0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days,
    )
    error_message = "log_retention_days must be one of the periods CloudWatch Logs offers (1, 3, 5, 7, 14, 30, ... or 0)."
  }
}

variable "tracing" {
  description = "Whether X-Ray traces invocations."
  type        = bool
  default     = false
}

variable "alias_name" {
  description = "Name of the alias that callers use."
  type        = string
  default     = "live"

  validation {
    condition     = can(regex("^[A-Za-z_-][A-Za-z0-9_-]{0,127}$", var.alias_name))
    error_message = "alias_name must begin with a letter, hyphen or underscore and have no other characters than those and digits."
  }
}

variable "tags" {
  description = "Tags of everything the module creates. Must not change with a commit."
  type        = map(string)
  default     = {}
}
