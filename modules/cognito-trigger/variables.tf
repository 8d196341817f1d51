variable "user_pool_id" {
  description = "Id of the pool, which stays somebody else's; null makes one."
  type        = string
  default     = null

  validation {
    condition     = var.user_pool_id == null ? true : can(regex("^[A-Za-z0-9-]+_[A-Za-z0-9]+$", var.user_pool_id))
    error_message = "user_pool_id must be a pool's id, such as eu-west-1_AbCdEfGhI."
  }
}

variable "name" {
  description = "Name of the pool that is made; null where `user_pool_id` is given."
  type        = string
  default     = null

  validation {
    condition     = var.name == null ? true : can(regex("^[A-Za-z0-9_-]{1,64}$", var.name))
    error_message = "name must be 1 to 64 letters, digits, hyphens or underscores."
  }
}

variable "trigger" {
  description = "Moment at which the pool invokes the alias, such as `pre-token-generation`."
  type        = string

  validation {
    condition = contains([
      "pre-sign-up", "post-confirmation", "pre-authentication", "post-authentication", "pre-token-generation",
      "custom-message", "define-auth-challenge", "create-auth-challenge", "verify-auth-challenge-response", "user-migration",
    ], var.trigger)
    error_message = "trigger must be pre-sign-up, post-confirmation, pre-authentication, post-authentication, pre-token-generation, custom-message, define-auth-challenge, create-auth-challenge, verify-auth-challenge-response or user-migration."
  }
}

variable "event_version" {
  description = "Form of the event, of `pre-token-generation` only: V1_0, V2_0 (access tokens too) or V3_0 (machine clients too); null is V1_0."
  type        = string
  default     = null

  validation {
    condition     = var.event_version == null ? true : contains(["V1_0", "V2_0", "V3_0"], var.event_version)
    error_message = "event_version must be V1_0, V2_0 or V3_0."
  }
}

variable "function_name" {
  description = "Name of the function that is invoked."
  type        = string
}

variable "alias_name" {
  description = "Alias of the function; only this alias may be invoked by the pool."
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

variable "deletion_protection" {
  description = "Whether Cognito refuses to delete the pool that is made."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of the pool that is made. Must not change with a commit."
  type        = map(string)
  default     = {}
}
