variable "name" {
  description = "Name of the dashboard."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,255}$", var.name))
    error_message = "name must be 1 to 255 letters, digits, hyphens or underscores."
  }
}

variable "function_name" {
  description = "Name of the function, without a qualifier."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.function_name))
    error_message = "function_name must be 1 to 64 letters, digits, hyphens or underscores."
  }
}

variable "alias_name" {
  description = "Alias of the function whose versions are shown."
  type        = string
  default     = "live"

  validation {
    condition     = can(regex("^[A-Za-z_-][A-Za-z0-9_-]{0,127}$", var.alias_name))
    error_message = "alias_name must begin with a letter, hyphen or underscore and have no other characters than those and digits."
  }
}

variable "region" {
  description = "Region of the function, such as eu-west-1; a dashboard is of no region, each of its graphs is of one."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2,}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of an AWS region, such as eu-west-1."
  }
}

variable "period_s" {
  description = "Seconds that a point of a graph stands for."
  type        = number
  default     = 60

  validation {
    condition     = contains([1, 5, 10, 20, 30], var.period_s) || (var.period_s >= 60 && var.period_s % 60 == 0)
    error_message = "period_s must be 1, 5, 10, 20, 30 or a multiple of 60; Lambda's own metrics have one value a minute."
  }
}

variable "cold_starts" {
  description = "Whether cold starts are counted from the log; CloudWatch Logs charges for what each look at the dashboard reads."
  type        = bool
  default     = true
}

variable "log_group_name" {
  description = "Log group the cold starts are counted in; null for Lambda's own name of it."
  type        = string
  default     = null

  validation {
    condition     = var.log_group_name == null ? true : can(regex("^[A-Za-z0-9_./#-]{1,512}$", var.log_group_name))
    error_message = "log_group_name must be the name of a log group."
  }
}
