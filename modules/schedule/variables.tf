variable "name" {
  description = "Name of the schedule; its role is named after it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,64}$", var.name))
    error_message = "name must be 1 to 64 letters, digits, hyphens, underscores or dots."
  }
}

variable "description" {
  description = "What the schedule is for."
  type        = string
  default     = ""

  validation {
    condition     = length(var.description) <= 512
    error_message = "description must not be longer than 512 characters."
  }
}

variable "expression" {
  description = "When: `rate(5 minutes)`, `cron(0 3 * * ? *)` or `at(2027-01-01T00:00:00)`."
  type        = string

  validation {
    condition     = can(regex("^(rate|cron|at)\\([^()]+\\)$", var.expression)) && length(var.expression) <= 256
    error_message = "expression must be rate(...), cron(...) or at(...), with at most 256 characters."
  }
}

variable "timezone" {
  description = "Name in the IANA time zone database whose clock `cron` and `at` mean."
  type        = string
  default     = "UTC"

  validation {
    condition     = length(var.timezone) >= 1 && length(var.timezone) <= 50
    error_message = "timezone must have 1 to 50 characters."
  }
}

variable "payload_json" {
  description = "JSON the function is invoked with."
  type        = string
  default     = "{}"

  validation {
    condition     = can(jsondecode(var.payload_json)) && length(var.payload_json) <= 262144
    error_message = "payload_json must be JSON of at most 256 KB."
  }
}

variable "alias_arn" {
  description = "ARN of the alias that is invoked (output `alias_arn` of rust-lambda)."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:function:[A-Za-z0-9_-]+:[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$", var.alias_arn))
    error_message = "alias_arn must be the ARN of an alias, not of a function or a version."
  }
}

variable "group" {
  description = "Schedule group, which must exist."
  type        = string
  default     = "default"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,64}$", var.group))
    error_message = "group must be 1 to 64 letters, digits, hyphens, underscores or dots."
  }
}

variable "enabled" {
  description = "Whether the schedule runs."
  type        = bool
  default     = true
}

variable "flexible_minutes" {
  description = "Minutes over which invocations may be spread; 0 invokes on time."
  type        = number
  default     = 0

  validation {
    condition     = var.flexible_minutes >= 0 && var.flexible_minutes <= 1440 && floor(var.flexible_minutes) == var.flexible_minutes
    error_message = "flexible_minutes must be a whole number from 0 to 1440."
  }
}

variable "retries" {
  description = "How often an invocation that Lambda did not take is tried again."
  type        = number
  default     = 185

  validation {
    condition     = var.retries >= 0 && var.retries <= 185 && floor(var.retries) == var.retries
    error_message = "retries must be a whole number from 0 to 185."
  }
}

variable "max_age_s" {
  description = "Seconds after which an invocation that Lambda did not take is given up."
  type        = number
  default     = 3600

  validation {
    condition     = var.max_age_s >= 60 && var.max_age_s <= 86400 && floor(var.max_age_s) == var.max_age_s
    error_message = "max_age_s must be a whole number from 60 to 86400."
  }
}

variable "dead_letter_arn" {
  description = "ARN of the SQS queue for invocations that were given up; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.dead_letter_arn == null ? true : can(regex("^arn:[^:]+:sqs:", var.dead_letter_arn)) && !endswith(var.dead_letter_arn, ".fifo")
    error_message = "dead_letter_arn must be the ARN of an SQS queue that is no FIFO queue."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the schedule; null for EventBridge's own."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex("^arn:[^:]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
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
  description = "Tags of the role; a schedule has none of its own. Must not change with a commit."
  type        = map(string)
  default     = {}
}
