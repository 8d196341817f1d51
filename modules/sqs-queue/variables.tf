variable "name" {
  description = "Name of the queue, without `.fifo`; its dead-letter queue has `-dead` behind it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,70}$", var.name))
    error_message = "name must be 1 to 70 letters, digits, hyphens or underscores: SQS takes 80, with -dead and .fifo."
  }
}

variable "fifo" {
  description = "Whether messages of a group keep their order and come once."
  type        = bool
  default     = false
}

variable "content_based_deduplication" {
  description = "Whether a FIFO queue takes two messages with the same body within 5 minutes for one, unless they carry an id of their own."
  type        = bool
  default     = true
}

variable "visibility_s" {
  description = "Seconds a message that is being worked on stays hidden: six times the timeout of the function it triggers, or more."
  type        = number
  default     = 30

  validation {
    condition     = var.visibility_s >= 0 && var.visibility_s <= 43200 && floor(var.visibility_s) == var.visibility_s
    error_message = "visibility_s must be a whole number from 0 to 43200."
  }
}

variable "retention_s" {
  description = "Seconds a message is kept."
  type        = number
  default     = 345600

  validation {
    condition     = var.retention_s >= 60 && var.retention_s <= 1209600 && floor(var.retention_s) == var.retention_s
    error_message = "retention_s must be a whole number from 60 to 1209600."
  }
}

variable "wait_s" {
  description = "Seconds that who asks an empty queue waits for a message; Lambda asks in its own way."
  type        = number
  default     = 20

  validation {
    condition     = var.wait_s >= 0 && var.wait_s <= 20 && floor(var.wait_s) == var.wait_s
    error_message = "wait_s must be a whole number from 0 to 20."
  }
}

variable "max_receives" {
  description = "How often a message is tried before it goes to the dead-letter queue; null for no such queue."
  type        = number
  default     = 5

  validation {
    condition = var.max_receives == null ? true : (
      var.max_receives >= 1 && var.max_receives <= 1000 && floor(var.max_receives) == var.max_receives
    )
    error_message = "max_receives must be a whole number from 1 to 1000."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the messages; null for SQS's own. Whoever sends or receives must then be allowed to use it."
  type        = string
  default     = null
}

variable "policy_statements_json" {
  description = "Further statements of the queue's policy, each as JSON, for example of a service that sends to it."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for statement in var.policy_statements_json : can(jsondecode(statement).Effect)])
    error_message = "Each of policy_statements_json must be the JSON of one statement."
  }
}

variable "tags" {
  description = "Tags of everything the module creates. Must not change with a commit."
  type        = map(string)
  default     = {}
}
