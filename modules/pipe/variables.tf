variable "name" {
  description = "Name of the pipe; its role is named after it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,64}$", var.name))
    error_message = "name must be 1 to 64 letters, digits, hyphens, underscores or dots."
  }
}

variable "description" {
  description = "What the pipe is for."
  type        = string
  default     = ""

  validation {
    condition     = length(var.description) <= 512
    error_message = "description must not be longer than 512 characters."
  }
}

variable "source_arn" {
  description = "ARN of the SQS queue, DynamoDB stream or Kinesis stream that is read."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:(sqs:|kinesis:|dynamodb:[^:]+:[0-9]{12}:table/[^/]+/stream/)", var.source_arn))
    error_message = "source_arn must be the ARN of an SQS queue, of a DynamoDB stream (not of its table) or of a Kinesis stream."
  }
}

variable "alias_arn" {
  description = "ARN of the alias that enriches (output `alias_arn` of rust-lambda)."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:function:[A-Za-z0-9_-]+:[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$", var.alias_arn))
    error_message = "alias_arn must be the ARN of an alias, not of a function or a version."
  }
}

variable "target_arn" {
  description = "ARN of the queue, bus, topic, state machine or function's alias that gets what the function answers."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:(sqs:|sns:|events:[^:]+:[0-9]{12}:event-bus/|states:[^:]+:[0-9]{12}:stateMachine:|lambda:)", var.target_arn))
    error_message = "target_arn must be the ARN of an SQS queue, an event bus, an SNS topic, a state machine or a function's alias."
  }
}

variable "filters" {
  description = "Event patterns as JSON, of which an event must match one; none lets all pass."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.filters) <= 5
    error_message = "filters must not have more than five patterns."
  }

  validation {
    condition     = alltrue([for filter in var.filters : can(keys(jsondecode(filter))) && length(filter) <= 4096])
    error_message = "Each filter must be a JSON object of at most 4096 characters."
  }
}

variable "batch" {
  description = "Events an invocation gets at most."
  type        = number
  default     = 1

  validation {
    condition     = var.batch >= 1 && var.batch <= 10000 && floor(var.batch) == var.batch
    error_message = "batch must be a whole number from 1 to 10000."
  }
}

variable "window_s" {
  description = "Seconds for which events are gathered; null gathers only where it must be: 1 for more than ten messages of a queue."
  type        = number
  default     = null

  validation {
    condition     = var.window_s == null ? true : var.window_s >= 0 && var.window_s <= 300 && floor(var.window_s) == var.window_s
    error_message = "window_s must be a whole number from 0 to 300."
  }
}

variable "start" {
  description = "Where reading of a stream begins the first time: LATEST or TRIM_HORIZON."
  type        = string
  default     = "LATEST"

  validation {
    condition     = contains(["LATEST", "TRIM_HORIZON"], var.start)
    error_message = "start must be LATEST or TRIM_HORIZON."
  }
}

variable "retries" {
  description = "How often a failed batch of a stream is tried again; -1 until its records expire. A queue's redrive decides for its messages."
  type        = number
  default     = -1

  # The provider does not send a 0, and AWS takes what is not sent for -1.
  validation {
    condition     = var.retries == -1 || var.retries >= 1 && var.retries <= 10000 && floor(var.retries) == var.retries
    error_message = "retries must be -1 or a whole number from 1 to 10000."
  }
}

variable "dead_letter_arn" {
  description = "ARN of the SQS queue or SNS topic that is told of a stream's batches that were given up; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.dead_letter_arn == null ? true : can(regex("^arn:[^:]+:(sqs|sns):", var.dead_letter_arn))
    error_message = "dead_letter_arn must be the ARN of an SQS queue or an SNS topic."
  }
}

variable "message_group_id" {
  description = "Message group of what is sent to a FIFO queue, or a path such as `$.body.customer`; the pipe's name if null."
  type        = string
  default     = null

  validation {
    condition     = var.message_group_id == null ? true : length(var.message_group_id) >= 1 && length(var.message_group_id) <= 100
    error_message = "message_group_id must have 1 to 100 characters."
  }
}

variable "event_source" {
  description = "`source` of events sent to a bus; the pipe's name if null."
  type        = string
  default     = null

  validation {
    condition     = var.event_source == null ? true : can(regex("^[A-Za-z0-9_./$\\[\\]*-]{1,256}$", var.event_source)) && !startswith(var.event_source, "aws.")
    error_message = "event_source must have 1 to 256 characters and not begin with `aws.`."
  }
}

variable "event_detail_type" {
  description = "`detail-type` of events sent to a bus."
  type        = string
  default     = "enriched"

  validation {
    condition     = length(var.event_detail_type) >= 1 && length(var.event_detail_type) <= 128
    error_message = "event_detail_type must have 1 to 128 characters."
  }
}

variable "enabled" {
  description = "Whether the pipe runs; a stopped one leaves everything at its source."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the pipe's own data; null for EventBridge's own."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex("^arn:[^:]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "data_key_arns" {
  description = "ARNs of the KMS keys of an encrypted source or target."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for key in var.data_key_arns : can(regex("^arn:[^:]+:kms:", key))])
    error_message = "data_key_arns must be ARNs of KMS keys."
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
