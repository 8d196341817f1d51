variable "queue_arn" {
  description = "ARN of the queue whose messages are consumed; null to make one by `queue`."
  type        = string
  default     = null

  validation {
    condition     = var.queue_arn == null ? true : can(regex("^arn:[^:]+:sqs:[^:]+:[0-9]{12}:[A-Za-z0-9_.-]+$", var.queue_arn))
    error_message = "queue_arn must be the ARN of an SQS queue."
  }
}

variable "queue" {
  description = "The queue to make (by the module sqs-queue, whose inputs these are), with its dead-letter queue; null to consume the one of `queue_arn`."
  type = object({
    name         = string
    fifo         = optional(bool, false)
    visibility_s = optional(number, 30)
    retention_s  = optional(number, 345600)
    max_receives = optional(number, 5)
  })
  default = null
}

variable "function_name" {
  description = "Name of the function."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.function_name))
    error_message = "function_name must be 1 to 64 letters, digits, hyphens or underscores."
  }
}

variable "alias_arn" {
  description = "ARN of the function's alias, which gets the messages."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:function:[A-Za-z0-9_-]+:[A-Za-z_-][A-Za-z0-9_-]*$", var.alias_arn))
    error_message = "alias_arn must be the ARN of an alias: a function or a version would pass by the canary."
  }
}

variable "role_name" {
  description = "Name of the function's role; it is allowed to receive from the queue."
  type        = string
}

variable "enabled" {
  description = "Whether messages are consumed; false leaves them in the queue."
  type        = bool
  default     = true
}

variable "batch" {
  description = "Messages an invocation gets at most: 10, with a window up to 10000."
  type        = number
  default     = 10

  validation {
    condition     = var.batch >= 1 && var.batch <= 10000 && floor(var.batch) == var.batch
    error_message = "batch must be a whole number from 1 to 10000."
  }
}

variable "window_s" {
  description = "Seconds that messages are gathered for a batch."
  type        = number
  default     = 0

  validation {
    condition     = var.window_s >= 0 && var.window_s <= 300 && floor(var.window_s) == var.window_s
    error_message = "window_s must be a whole number from 0 to 300."
  }
}

variable "max_concurrency" {
  description = "Invocations at the same time that this queue may cause; null for as many as the function may have."
  type        = number
  default     = null

  validation {
    condition = var.max_concurrency == null ? true : (
      var.max_concurrency >= 2 && var.max_concurrency <= 1000 && floor(var.max_concurrency) == var.max_concurrency
    )
    error_message = "max_concurrency must be a whole number from 2 to 1000."
  }
}

variable "partial_failures" {
  description = "Whether the function reports which messages of a batch failed (`batchItemFailures`), so that only those come again."
  type        = bool
  default     = true
}

variable "filters" {
  description = "Patterns, each as JSON, of which a message must match one; what matches none is deleted."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.filters) <= 5 && alltrue([for filter in var.filters : can(jsondecode(filter))])
    error_message = "filters must be up to 5 patterns as JSON."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the queue; null if it is SQS's own."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything the module creates. Must not change with a commit."
  type        = map(string)
  default     = {}
}
