variable "name" {
  description = "Name of the state machine and of the function; the roles, the queue and the alarms begin with it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,56}$", var.name))
    error_message = "name must be 1 to 56 letters, digits, hyphens or underscores."
  }
}

variable "package_bucket" {
  description = "Bucket that holds the function's package."
  type        = string
}

variable "package_key" {
  description = "Key of the package. A new package has a new key: it becomes a new version, and walks keep the one they began with."
  type        = string
}

variable "handler" {
  description = "What the package's handler is called."
  type        = string
  default     = "pipeline/controller/handler.handler"
}

variable "bucket" {
  description = "The environment's bucket, with the ledger below `crabwalk/`."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts the bucket, where it has one of its own."
  type        = string
  default     = null
}

variable "functions" {
  description = "ARNs, or patterns of ARNs, of the functions whose aliases are moved; without a qualifier."
  type        = list(string)

  validation {
    condition     = length(var.functions) > 0 && alltrue([for arn in var.functions : can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:function:[A-Za-z0-9_*-]+$", arn))])
    error_message = "functions must be ARNs of functions, without a version or alias."
  }
}

variable "topic_arns" {
  description = "ARNs of the SNS topics that manifests name in `release.notify`."
  type        = list(string)
  default     = []
}

variable "event_bus_arns" {
  description = "ARNs of the EventBridge buses that are told of releases."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.event_bus_arns : can(regex("^arn:[^:]+:events:[^:]+:[0-9]{12}:event-bus/[^*?]+$", arn))])
    error_message = "event_bus_arns must be ARNs of event buses, without a wildcard."
  }
}

variable "secret_arns" {
  description = "ARNs of the secrets that the function reads, such as that of the token for GitHub; `-??????` stands for what AWS adds to a name."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.secret_arns : can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+[?]{0,6}$", arn))])
    error_message = "secret_arns must be ARNs of secrets."
  }
}

variable "environment" {
  description = "Variables of the function, such as the addresses of webhooks; every release needs those its manifest names."
  type        = map(string)
  default     = {}
}

variable "architecture" {
  description = "Processor of the function."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "memory_mb" {
  description = "Memory of the function in MiB; its share of a processor goes with it."
  type        = number
  default     = 512

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "memory_mb must be 128 to 10240."
  }
}

variable "timeout_s" {
  description = "Seconds one look may take."
  type        = number
  default     = 60

  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 900
    error_message = "timeout_s must be 1 to 900."
  }
}

variable "max_events" {
  description = "Events after which an execution goes on as another one; AWS ends it at 25,000."
  type        = number
  default     = 20000

  validation {
    condition     = var.max_events >= 20 && var.max_events <= 24000
    error_message = "max_events must be 20 to 24000."
  }
}

variable "repeats" {
  description = "How often a call that meets an error of Lambda's own is repeated before the look has failed."
  type        = number
  default     = 4

  validation {
    condition     = var.repeats >= 0 && var.repeats <= 20 && floor(var.repeats) == var.repeats
    error_message = "repeats must be a whole number, 0 to 20."
  }
}

variable "max_failures" {
  description = "Looks in a row that may fail; one more, and the walk is given up: alarm and dead letter."
  type        = number
  default     = 20

  validation {
    condition     = var.max_failures >= 1 && floor(var.max_failures) == var.max_failures
    error_message = "max_failures must be a whole number, 1 or more."
  }
}

variable "max_pause_s" {
  description = "The longest pause after a failed look, in seconds; the first lasts 1, and each the double of the one before."
  type        = number
  default     = 120

  validation {
    condition     = var.max_pause_s >= 1 && floor(var.max_pause_s) == var.max_pause_s
    error_message = "max_pause_s must be a whole number, 1 or more."
  }
}

variable "errors" {
  description = "Failed or throttled looks in five minutes that ring no alarm yet."
  type        = number
  default     = 3
}

variable "log_retention_days" {
  description = "How long the function's log is kept."
  type        = number
  default     = 90
}

variable "alarm_actions" {
  description = "ARNs that are told when an alarm rings or ends, for example an SNS topic."
  type        = list(string)
  default     = []
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
