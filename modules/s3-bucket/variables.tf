variable "name" {
  description = "Name of the bucket; unlike other names it must be the only one in the world."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 63 lower-case letters, digits and hyphens, with no hyphen at either end."
  }
}

variable "versioned" {
  description = "Whether what is overwritten or deleted can be brought back."
  type        = bool
  default     = true
}

variable "noncurrent_days" {
  description = "Days an overwritten or deleted object can be brought back; null for ever."
  type        = number
  default     = 90

  validation {
    condition     = var.noncurrent_days == null ? true : var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "noncurrent_days must be a whole number of days."
  }
}

variable "lifecycle_rules" {
  description = "Whether the bucket tidies up after itself. Off for throw-away environments: the provider watches new rules for a minute."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the objects; null for S3's own. Whoever reads or writes must then be allowed to use it."
  type        = string
  default     = null
}

variable "policy_statements_json" {
  description = "Further statements of the bucket's policy, each as JSON."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for statement in var.policy_statements_json : can(jsondecode(statement).Effect)])
    error_message = "Each of policy_statements_json must be the JSON of one statement."
  }
}

variable "force_destroy" {
  description = "Whether a destroy deletes the objects too. Without it a bucket that is not empty stays."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of everything the module creates. Must not change with a commit."
  type        = map(string)
  default     = {}
}
