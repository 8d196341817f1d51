variable "bucket" {
  description = "Name of the environment's one bucket: artifacts, Terraform states and the ledger of releases."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be 3 to 63 lower-case letters, digits and hyphens, with no hyphen at either end."
  }
}

variable "noncurrent_days" {
  description = "Days an overwritten or deleted object can still be brought back."
  type        = number
  default     = 90

  validation {
    condition     = var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "noncurrent_days must be a whole number of days."
  }
}

variable "kms" {
  description = "Whether the bucket is encrypted with a key of its own (KMS, about 1 $ a month) instead of S3's."
  type        = bool
  default     = false
}

variable "lifecycle_rules" {
  description = "Whether the bucket tidies up after itself. Off for throw-away environments: the provider watches new rules for a minute."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of everything the module creates. Must not change with a commit."
  type        = map(string)
  default     = {}
}
