variable "name" {
  description = "Name of the rule, and of its archive."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,64}$", var.name))
    error_message = "name must be 1 to 64 letters, digits, hyphens, underscores or dots."
  }
}

variable "description" {
  description = "What the rule is for."
  type        = string
  default     = null

  validation {
    condition     = var.description == null ? true : length(var.description) >= 1 && length(var.description) <= 512
    error_message = "description must have 1 to 512 characters, or be null."
  }
}

variable "bus" {
  description = "Name or ARN of the bus, which must exist in this account."
  type        = string
  default     = "default"

  validation {
    condition     = can(regex("^(arn:[^:]+:events:[^:]+:[0-9]{12}:event-bus/)?[A-Za-z0-9_./-]{1,256}$", var.bus))
    error_message = "bus must be the name or the ARN of an event bus."
  }
}

variable "pattern_json" {
  description = "Event pattern as JSON: which events invoke the function."
  type        = string

  validation {
    condition     = can(keys(jsondecode(var.pattern_json))) && length(var.pattern_json) <= 2048
    error_message = "pattern_json must be a JSON object of at most 2048 characters."
  }

  validation {
    condition     = can(keys(jsondecode(var.pattern_json))) ? length(keys(jsondecode(var.pattern_json))) > 0 : true
    error_message = "pattern_json must name at least one field."
  }
}

variable "function_name" {
  description = "Name of the function that is invoked."
  type        = string
}

variable "alias_name" {
  description = "Alias of the function; only this alias may be invoked by the rule."
  type        = string
  default     = "live"
}

variable "alias_arn" {
  description = "ARN of the alias (output `alias_arn` of rust-lambda)."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:function:[A-Za-z0-9_-]+:[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$", var.alias_arn))
    error_message = "alias_arn must be the ARN of an alias, not of a function or a version."
  }
}

variable "enabled" {
  description = "Whether the rule matches."
  type        = bool
  default     = true
}

variable "retries" {
  description = "How often an event that Lambda did not take is tried again."
  type        = number
  default     = 185

  validation {
    condition     = var.retries >= 0 && var.retries <= 185 && floor(var.retries) == var.retries
    error_message = "retries must be a whole number from 0 to 185."
  }
}

variable "max_age_s" {
  description = "Seconds after which an event that Lambda did not take is given up."
  type        = number
  default     = 86400

  validation {
    condition     = var.max_age_s >= 60 && var.max_age_s <= 86400 && floor(var.max_age_s) == var.max_age_s
    error_message = "max_age_s must be a whole number from 60 to 86400."
  }
}

variable "dead_letter_arn" {
  description = "ARN of the SQS queue for events that were given up; null for none. The queue's policy must let the rule send."
  type        = string
  default     = null

  validation {
    condition     = var.dead_letter_arn == null ? true : can(regex("^arn:[^:]+:sqs:", var.dead_letter_arn)) && !endswith(var.dead_letter_arn, ".fifo")
    error_message = "dead_letter_arn must be the ARN of an SQS queue that is no FIFO queue."
  }
}

variable "archive_days" {
  description = "Days an archive keeps the events the rule matches; 0 makes none."
  type        = number
  default     = 0

  validation {
    condition     = var.archive_days >= 0 && floor(var.archive_days) == var.archive_days
    error_message = "archive_days must be a whole number, 0 or more."
  }
}

variable "tags" {
  description = "Tags of the rule; an archive has none. Must not change with a commit."
  type        = map(string)
  default     = {}
}
