variable "function_name" {
  description = "Name of the function whose alias is watched."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.function_name))
    error_message = "function_name must be 1 to 64 letters, digits, hyphens or underscores."
  }
}

variable "function_arn" {
  description = "ARN of the function, without a qualifier."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:function:[A-Za-z0-9_-]+$", var.function_arn))
    error_message = "function_arn must be the ARN of a function, without a version or alias."
  }
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

variable "error_percent" {
  description = "Percentage of the alias's invocations that may fail in a period; more is bad. null makes no alarm of its own."
  type        = number
  default     = 5

  validation {
    condition     = var.error_percent == null ? true : var.error_percent >= 0 && var.error_percent < 100
    error_message = "error_percent must be at least 0 and less than 100."
  }
}

variable "min_requests" {
  description = "Invocations a period must have to say anything."
  type        = number
  default     = 20

  validation {
    condition     = var.min_requests >= 1 && floor(var.min_requests) == var.min_requests
    error_message = "min_requests must be a whole number, 1 or more."
  }
}

variable "period_s" {
  description = "Length of a period in seconds."
  type        = number
  default     = 60

  validation {
    condition     = contains([1, 5, 10, 20, 30], var.period_s) || (var.period_s >= 60 && var.period_s % 60 == 0)
    error_message = "period_s must be 1, 5, 10, 20, 30 or a multiple of 60; Lambda's own metrics have one value a minute."
  }
}

variable "periods" {
  description = "How many of the last periods are looked at."
  type        = number
  default     = 3

  validation {
    condition     = var.periods >= 1 && floor(var.periods) == var.periods
    error_message = "periods must be a whole number, 1 or more."
  }
}

variable "bad_periods" {
  description = "How many of them must be bad for the alarm to ring."
  type        = number
  default     = 2

  validation {
    condition     = var.bad_periods >= 1 && floor(var.bad_periods) == var.bad_periods
    error_message = "bad_periods must be a whole number, 1 or more."
  }
}

variable "alarms" {
  description = "Names of further CloudWatch alarms of this account and region that undo a release when they begin to ring."
  type        = list(string)
  default     = []
}

variable "alarm_actions" {
  description = "ARNs that are told when the module's own alarm rings, for example an SNS topic."
  type        = list(string)
  default     = []
}

variable "event" {
  description = "The event bus that is told when a release was undone, and what the event calls it; null for none."
  type = object({
    bus_arn     = string
    project     = string
    environment = string
    service     = string
  })
  default = null

  validation {
    condition     = var.event == null ? true : can(regex("^arn:[^:]+:events:[^:]+:[0-9]{12}:event-bus/[^*?]+$", var.event.bus_arn))
    error_message = "event.bus_arn must be the ARN of an event bus."
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
