variable "bucket" {
  description = "Name of the bucket, which must be in the function's account and region."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be the name of a bucket."
  }
}

variable "rules" {
  description = "What must happen (`created`, `removed`, `restored`, `expired`, `tagged`) to an object whose key begins with `prefix` and ends with `suffix`."
  type = list(object({
    events = optional(list(string), ["created"])
    prefix = optional(string, "")
    suffix = optional(string, "")
  }))
  default = [{}]

  validation {
    condition     = length(var.rules) >= 1 && length(var.rules) <= 100
    error_message = "rules must be 1 to 100."
  }

  validation {
    condition = alltrue([
      for rule in var.rules :
      length(rule.events) > 0 && length(distinct(rule.events)) == length(rule.events) &&
      alltrue([for event in rule.events : contains(["created", "removed", "restored", "expired", "tagged"], event)])
    ])
    error_message = "Each rule must name at least one of created, removed, restored, expired, tagged, and each only once."
  }

  validation {
    condition     = alltrue([for rule in var.rules : length(rule.prefix) <= 1024 && length(rule.suffix) <= 1024])
    error_message = "prefix and suffix must not be longer than 1024 characters."
  }

  # An object would be told twice; S3 refuses the whole list.
  validation {
    condition = alltrue(flatten([
      for i, one in var.rules : [
        for other in slice(var.rules, i + 1, length(var.rules)) :
        length(setintersection(one.events, other.events)) == 0 ||
        !(startswith(one.prefix, other.prefix) || startswith(other.prefix, one.prefix)) ||
        !(endswith(one.suffix, other.suffix) || endswith(other.suffix, one.suffix))
      ]
    ]))
    error_message = "Two rules of the same event must not both fit one key: S3 refuses prefixes and suffixes that overlap."
  }
}

variable "function_name" {
  description = "Name of the function."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.function_name))
    error_message = "function_name must be 1 to 64 letters, digits, hyphens or underscores."
  }
}

variable "alias_name" {
  description = "Alias of the function that S3 invokes; only this alias may be invoked by it."
  type        = string
  default     = "live"
}

variable "alias_arn" {
  description = "ARN of that alias."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:function:[A-Za-z0-9_-]+:[A-Za-z_-][A-Za-z0-9_-]*$", var.alias_arn))
    error_message = "alias_arn must be the ARN of an alias: a function or a version would pass by the canary."
  }
}
