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

variable "provisioned_concurrency" {
  description = "Instances of the alias's version that are always started; 0 for none. Only for an alias that points at a published version and does not split its traffic."
  type        = number
  default     = 0

  validation {
    condition     = var.provisioned_concurrency >= 0 && floor(var.provisioned_concurrency) == var.provisioned_concurrency
    error_message = "provisioned_concurrency must be a whole number, 0 or more."
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

variable "access" {
  description = "What the role may do beyond what the function's configuration needs: a name for each grant, its actions and the ARNs they are for."
  type = map(object({
    actions   = list(string)
    resources = list(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.access) : can(regex("^[A-Za-z0-9_+=,.@-]{1,100}$", name))])
    error_message = "The names in access must have 1 to 100 letters, digits or characters of `_+=,.@-`."
  }

  validation {
    condition     = alltrue([for grant in values(var.access) : length(grant.actions) > 0 && length(grant.resources) > 0])
    error_message = "Each grant in access must name at least one action and one resource."
  }

  validation {
    condition = alltrue(flatten([
      for grant in values(var.access) : [for action in grant.actions : can(regex("^[a-z0-9-]+:[A-Za-z0-9*]+$", action))]
    ]))
    error_message = "Each action in access must be of one service, such as dynamodb:GetItem."
  }
}

variable "kept_permissions" {
  description = "Permissions that stay although the configuration no longer needs them, for a version that still runs with the one of before."
  type = object({
    tracing          = optional(bool, false)
    vpc              = optional(bool, false)
    kms_key_arns     = optional(list(string), [])
    dead_letter_arns = optional(list(string), [])
  })
  default  = {}
  nullable = false
}

variable "log_kms_key_arn" {
  description = "ARN of the KMS key that encrypts the log group; null for CloudWatch Logs' own encryption."
  type        = string
  default     = null
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

variable "alarms" {
  description = "CloudWatch alarms of the alias: above how many errors, throttles, or milliseconds (the slowest hundredth) in a period; each null for none, all null for no alarms."
  type = object({
    errors      = optional(number)
    throttles   = optional(number)
    duration_ms = optional(number)
    period_s    = optional(number, 60)
    periods     = optional(number, 3)
    bad_periods = optional(number, 2)
    actions     = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.alarms == null ? true : var.alarms.bad_periods >= 1 && var.alarms.bad_periods <= var.alarms.periods
    error_message = "alarms.bad_periods must be from 1 to alarms.periods."
  }

  validation {
    condition     = var.alarms == null ? true : contains([1, 5, 10, 20, 30], var.alarms.period_s) || (var.alarms.period_s >= 60 && var.alarms.period_s % 60 == 0)
    error_message = "alarms.period_s must be 1, 5, 10, 20, 30 or a multiple of 60; Lambda's own metrics have one value a minute."
  }

  validation {
    condition     = var.alarms == null ? true : alltrue([for over in [var.alarms.errors, var.alarms.throttles, var.alarms.duration_ms] : over == null ? true : over >= 0])
    error_message = "alarms.errors, alarms.throttles and alarms.duration_ms must not be negative."
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
