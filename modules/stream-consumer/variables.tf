variable "source_arn" {
  description = "ARN of a DynamoDB table's stream, of a Kinesis stream, or of a consumer of one."
  type        = string

  validation {
    condition = can(regex(
      "^arn:[^:]+:(dynamodb:[^:]+:[0-9]{12}:table/[^/]+/stream/.+|kinesis:[^:]+:[0-9]{12}:stream/[^/]+(/consumer/.+)?)$",
      var.source_arn,
    ))
    error_message = "source_arn must be the ARN of a DynamoDB stream (of the stream, not the table) or of a Kinesis stream."
  }
}

variable "alias_arn" {
  description = "ARN of the function's alias, which gets the records."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:function:[A-Za-z0-9_-]+:[A-Za-z_-][A-Za-z0-9_-]*$", var.alias_arn))
    error_message = "alias_arn must be the ARN of an alias: a function or a version would pass by the canary."
  }
}

variable "role_name" {
  description = "Name of the function's role; it is allowed to read the stream."
  type        = string
}

variable "enabled" {
  description = "Whether records are consumed; false stops at the record that was reached."
  type        = bool
  default     = true
}

variable "batch" {
  description = "Records an invocation gets at most."
  type        = number
  default     = 100

  validation {
    condition     = var.batch >= 1 && var.batch <= 10000 && floor(var.batch) == var.batch
    error_message = "batch must be a whole number from 1 to 10000."
  }
}

variable "window_s" {
  description = "Seconds that records are gathered for a batch."
  type        = number
  default     = 0

  validation {
    condition     = var.window_s >= 0 && var.window_s <= 300 && floor(var.window_s) == var.window_s
    error_message = "window_s must be a whole number from 0 to 300."
  }
}

variable "start" {
  description = "Where reading begins the first time: `latest`, at what comes from now on, or `trim-horizon`, at the oldest record that is kept."
  type        = string
  default     = "latest"

  validation {
    condition     = contains(["latest", "trim-horizon"], var.start)
    error_message = "start must be latest or trim-horizon."
  }
}

variable "retries" {
  description = "How often a failed batch is tried again; null until its records expire, which holds up all behind them."
  type        = number
  default     = null

  validation {
    condition     = var.retries == null ? true : var.retries >= 0 && var.retries <= 10000 && floor(var.retries) == var.retries
    error_message = "retries must be a whole number from 0 to 10000."
  }
}

variable "max_age_s" {
  description = "Seconds after which a record that keeps failing is given up; null never."
  type        = number
  default     = null

  validation {
    condition     = var.max_age_s == null ? true : var.max_age_s >= 60 && var.max_age_s <= 604800 && floor(var.max_age_s) == var.max_age_s
    error_message = "max_age_s must be a whole number from 60 to 604800."
  }
}

variable "bisect" {
  description = "Whether a failed batch is halved, so that one bad record is found."
  type        = bool
  default     = true
}

variable "parallel" {
  description = "Batches of one shard that are worked on at the same time; records of one key stay in order."
  type        = number
  default     = 1

  validation {
    condition     = var.parallel >= 1 && var.parallel <= 10 && floor(var.parallel) == var.parallel
    error_message = "parallel must be a whole number from 1 to 10."
  }
}

variable "partial_failures" {
  description = "Whether the function reports where in a batch it failed (`batchItemFailures`), so that only the rest comes again."
  type        = bool
  default     = true
}

variable "filters" {
  description = "Patterns, each as JSON, of which a record must match one; the rest is passed over."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.filters) <= 5 && alltrue([for filter in var.filters : can(jsondecode(filter))])
    error_message = "filters must be up to 5 patterns as JSON."
  }
}

variable "dead_letter_arn" {
  description = "ARN of the SQS queue or SNS topic that is told where the records of a given-up batch were; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.dead_letter_arn == null ? true : can(regex("^arn:[^:]+:(sqs|sns):", var.dead_letter_arn))
    error_message = "dead_letter_arn must be the ARN of an SQS queue or an SNS topic."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the stream; null if it is the service's own."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything the module creates. Must not change with a commit."
  type        = map(string)
  default     = {}
}
