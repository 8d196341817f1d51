variable "name" {
  description = "Name of the secret."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9/_+=.@-]{1,512}$", var.name))
    error_message = "name must be 1 to 512 letters, digits or any of / _ + = . @ -"
  }
}

variable "description" {
  description = "What the secret is for; everybody who may list secrets reads it."
  type        = string
  default     = ""

  validation {
    condition     = length(var.description) <= 2048
    error_message = "description must not be longer than 2048 characters."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the value; null for the account's own key of Secrets Manager. Whoever reads the value must then be allowed to use it."
  type        = string
  default     = null
}

variable "recovery_days" {
  description = "Days a deleted secret can be brought back, 7 to 30, during which its name is taken; 0 deletes it for good at once."
  type        = number
  default     = 30

  validation {
    condition     = var.recovery_days == 0 || (var.recovery_days >= 7 && var.recovery_days <= 30 && floor(var.recovery_days) == var.recovery_days)
    error_message = "recovery_days must be 0 or a whole number from 7 to 30."
  }
}

variable "tags" {
  description = "Tags of everything the module creates. Must not change with a commit."
  type        = map(string)
  default     = {}
}
