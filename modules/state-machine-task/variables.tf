variable "name" {
  description = "Name of the machine, if one is made; its role is named after it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,80}$", var.name))
    error_message = "name must be 1 to 80 letters, digits, hyphens or underscores."
  }
}

variable "function_name" {
  description = "Name of the function that is invoked."
  type        = string
}

variable "alias_arn" {
  description = "ARN of the alias that is invoked (output `alias_arn` of rust-lambda)."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:function:[A-Za-z0-9_-]+:[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$", var.alias_arn))
    error_message = "alias_arn must be the ARN of an alias, not of a function or a version."
  }
}

variable "role_name" {
  description = "Name of the role of an existing state machine, which is then allowed to invoke the alias; null for none."
  type        = string
  default     = null
}

variable "machine" {
  description = "Whether a state machine of the one task is made."
  type        = bool
  default     = false
}

variable "timeout_s" {
  description = "Seconds after which the task is given up; more than the function's timeout."
  type        = number
  default     = 960

  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 99999999 && floor(var.timeout_s) == var.timeout_s
    error_message = "timeout_s must be a whole number from 1 to 99999999."
  }
}

variable "retries" {
  description = "How often an invocation is tried again after an error of Lambda's own or a throttle."
  type        = number
  default     = 6

  validation {
    condition     = var.retries >= 0 && var.retries <= 99999999 && floor(var.retries) == var.retries
    error_message = "retries must be a whole number, 0 or more."
  }
}

variable "permissions_boundary" {
  description = "ARN of the policy that is the most the module's roles can ever do; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null ? true : can(regex("^arn:[^:]+:iam::[^:]*:policy/", var.permissions_boundary))
    error_message = "permissions_boundary must be the ARN of an IAM policy."
  }
}

variable "tags" {
  description = "Tags of everything the module creates. Must not change with a commit."
  type        = map(string)
  default     = {}
}
