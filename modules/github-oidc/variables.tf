variable "name" {
  description = "What the names of everything of this environment begin with: PROJECT-ENVIRONMENT. The roles reach nothing else."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,39}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 41 lower-case letters, digits and hyphens, a letter first and no hyphen last."
  }
}

variable "bucket" {
  description = "Name of the environment's bucket, where states, artifacts and the ledger lie."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be 3 to 63 lower-case letters, digits and hyphens, with no hyphen at either end."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key the bucket is encrypted with; null when S3's own key encrypts it."
  type        = string
  default     = null
}

variable "repository" {
  description = "The one repository whose workflows may take the roles: ORG/REPO, in GitHub's own spelling."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$", var.repository))
    error_message = "repository must be ORG/REPO, without a wildcard."
  }
}

variable "owner_id" {
  description = "The organisation's number, with repository_id: repositories made after July 2026 name themselves ORG@ID/REPO@ID. Null = only the old form is trusted."
  type        = string
  default     = null

  validation {
    condition     = var.owner_id == null || can(regex("^[0-9]{1,20}$", var.owner_id))
    error_message = "owner_id must be a number."
  }
}

variable "repository_id" {
  description = "The repository's number; see owner_id."
  type        = string
  default     = null

  validation {
    condition     = var.repository_id == null || can(regex("^[0-9]{1,20}$", var.repository_id))
    error_message = "repository_id must be a number."
  }
}

variable "environment" {
  description = "The GitHub environment whose jobs may deploy and roll back; who may start them is decided there."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$", var.environment))
    error_message = "environment must be letters, digits, dots, underscores and hyphens: others are escaped in the claim."
  }
}

variable "refs" {
  description = "Git refs whose jobs may build, plan and read, written out in full."
  type        = list(string)
  default     = ["refs/heads/main"]

  validation {
    condition     = length(var.refs) > 0 && alltrue([for ref in var.refs : can(regex("^refs/(heads|tags)/[A-Za-z0-9._/-]+$", ref))])
    error_message = "refs must name branches or tags in full, such as refs/heads/main, without a wildcard."
  }
}

variable "roles" {
  description = "Which of the five roles there are."
  type        = set(string)
  default     = ["plan", "build", "deploy", "rollback", "read"]

  validation {
    condition     = length(setsubtract(var.roles, ["plan", "build", "deploy", "rollback", "read"])) == 0
    error_message = "roles can be plan, build, deploy, rollback and read."
  }
}

variable "services_boundary_arn" {
  description = "ARN of the policy that every role which deploy makes must have as its permissions boundary; null = the one that is made here."
  type        = string
  default     = null

  validation {
    condition     = var.services_boundary_arn == null ? true : can(regex("^arn:[^:]+:iam::[^:]*:policy/", var.services_boundary_arn))
    error_message = "services_boundary_arn must be the ARN of an IAM policy."
  }
}

variable "oidc_provider_arn" {
  description = "ARN of the account's provider for GitHub, of which there can be one; null = it is made here."
  type        = string
  default     = null
}

variable "event_bus_arns" {
  description = "ARNs of the event buses that are told what becomes of releases; empty for none."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.event_bus_arns : can(regex("^arn:[^:]+:events:[^:]+:[0-9]{12}:event-bus/[^*?]+$", arn))])
    error_message = "event_bus_arns must be ARNs of event buses, without a wildcard."
  }
}

variable "max_session_s" {
  description = "Seconds that a job's credentials last at most."
  type        = number
  default     = 3600

  validation {
    condition     = var.max_session_s >= 3600 && var.max_session_s <= 43200
    error_message = "max_session_s must be between 3600 and 43200."
  }
}

variable "tags" {
  description = "Tags of everything the module creates. Must not change with a commit."
  type        = map(string)
  default     = {}
}
