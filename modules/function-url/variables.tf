variable "function_name" {
  description = "Name of the function, without a qualifier."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.function_name))
    error_message = "function_name must be 1 to 64 letters, digits, hyphens or underscores."
  }
}

variable "alias_name" {
  description = "Alias of the function that the URL invokes."
  type        = string
  default     = "live"

  validation {
    condition     = can(regex("^[A-Za-z_-][A-Za-z0-9_-]{0,127}$", var.alias_name))
    error_message = "alias_name must begin with a letter, hyphen or underscore and have no other characters than those and digits."
  }
}

variable "auth" {
  description = "Who may call: `iam` only signed requests of those whose policies allow it, `none` everybody."
  type        = string
  default     = "iam"

  validation {
    condition     = contains(["iam", "none"], var.auth)
    error_message = "auth must be iam or none."
  }
}

variable "stream" {
  description = "Whether answers are streamed while the function writes them (up to 200 MB), and not sent when it is done (up to 6 MB)."
  type        = bool
  default     = false
}

variable "cors" {
  description = "Which pages of other origins may call, and how; null answers none of their questions."
  type = object({
    origins     = list(string)
    methods     = optional(list(string), [])
    headers     = optional(list(string), [])
    expose      = optional(list(string), [])
    credentials = optional(bool, false)
    max_age_s   = optional(number, 0)
  })
  default = null

  validation {
    condition = var.cors == null ? true : length(var.cors.origins) > 0 && alltrue([
      for origin in var.cors.origins : can(regex("^(\\*|[a-z][a-z0-9+.-]*://[^/ ]+)$", origin))
    ])
    error_message = "cors.origins must name at least one origin, such as https://example.org, or `*`; an origin has no path."
  }

  validation {
    condition     = var.cors == null ? true : !(var.cors.credentials && contains(var.cors.origins, "*"))
    error_message = "cors.credentials cannot be true for the origin `*`."
  }

  validation {
    condition = var.cors == null ? true : alltrue([
      for method in var.cors.methods : contains(["*", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], method)
    ])
    error_message = "cors.methods must be GET, HEAD, POST, PUT, PATCH, DELETE or `*`; a function URL takes no OPTIONS there."
  }

  validation {
    condition     = var.cors == null ? true : var.cors.max_age_s >= 0 && var.cors.max_age_s <= 86400 && floor(var.cors.max_age_s) == var.cors.max_age_s
    error_message = "cors.max_age_s must be a whole number from 0 to 86400."
  }
}
