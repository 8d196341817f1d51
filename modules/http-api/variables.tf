variable "name" {
  description = "Name of the API."
  type        = string

  validation {
    condition     = length(var.name) >= 1 && length(var.name) <= 128
    error_message = "name must have 1 to 128 characters."
  }
}

variable "description" {
  description = "What the API is for."
  type        = string
  default     = ""

  validation {
    condition     = length(var.description) <= 1024
    error_message = "description must not be longer than 1024 characters."
  }
}

variable "routes" {
  description = "Route keys such as `GET /`, `ANY /{proxy+}` or `$default`."
  type        = list(string)

  validation {
    condition     = length(var.routes) > 0 && length(distinct(var.routes)) == length(var.routes)
    error_message = "routes must name at least one route, and each only once."
  }

  validation {
    condition = alltrue([
      for route in var.routes :
      can(regex("^(\\$default|(ANY|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT) /[^ ]*)$", route))
    ])
    error_message = "Each route must be `$default` or a method and a path, for example `GET /`."
  }
}

variable "function_name" {
  description = "Name of the function behind the API."
  type        = string
}

variable "alias_name" {
  description = "Alias of the function that the API invokes; only this alias may be invoked by it."
  type        = string
  default     = "live"
}

variable "alias_invoke_arn" {
  description = "ARN by which API Gateway invokes the alias (output `alias_invoke_arn` of rust-lambda)."
  type        = string
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
      for method in var.cors.methods : contains(["*", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], method)
    ])
    error_message = "cors.methods must be methods of HTTP in capitals, or `*`."
  }

  validation {
    condition     = var.cors == null ? true : var.cors.max_age_s >= 0 && var.cors.max_age_s <= 86400 && floor(var.cors.max_age_s) == var.cors.max_age_s
    error_message = "cors.max_age_s must be a whole number from 0 to 86400."
  }
}

variable "throttle" {
  description = "Requests a second (rate) and at once (burst) that each route takes, more are answered with 429. The default is the quota that AWS gives an account in most regions."
  type = object({
    rate  = number
    burst = number
  })
  default  = { rate = 10000, burst = 5000 }
  nullable = false

  validation {
    condition     = var.throttle.rate > 0 && var.throttle.burst >= 1 && floor(var.throttle.burst) == var.throttle.burst
    error_message = "throttle.rate must be above 0 and throttle.burst a whole number of at least 1; AWS answers everything with 429 at 0."
  }
}

variable "authorizer" {
  description = "JWT authorizer of every route: the issuer of the tokens, their audience, and scopes of which a token must have one; null lets everybody pass."
  type = object({
    issuer   = string
    audience = list(string)
    scopes   = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.authorizer == null ? true : startswith(var.authorizer.issuer, "https://")
    error_message = "authorizer.issuer must be an https URL."
  }

  validation {
    condition     = var.authorizer == null ? true : length(var.authorizer.audience) > 0
    error_message = "authorizer.audience must name at least one audience: without one, tokens for any other service pass."
  }
}

variable "domain" {
  description = "Own name of the API, the ACM certificate for it in the same region, and the Route 53 zone to make the name in (null: somebody else points it at the output `domain_target`)."
  type = object({
    name            = string
    certificate_arn = string
    zone_id         = optional(string)
  })
  default = null

  validation {
    condition     = var.domain == null ? true : can(regex("^(\\*\\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z0-9-]{2,63}$", var.domain.name))
    error_message = "domain.name must be a host's name in lower case, such as api.example.org."
  }

  validation {
    condition     = var.domain == null ? true : can(regex("^arn:[^:]+:acm:", var.domain.certificate_arn))
    error_message = "domain.certificate_arn must be the ARN of an ACM certificate."
  }
}

variable "access_log_retention_days" {
  description = "Days CloudWatch Logs keeps one line of JSON a request; 0 logs no requests."
  type        = number
  default     = 0

  validation {
    condition = contains(
      [0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.access_log_retention_days,
    )
    error_message = "access_log_retention_days must be one of the periods CloudWatch Logs offers (1, 3, 5, 7, 14, 30, ...) or 0."
  }
}

variable "access_log_fields" {
  description = "What a line of the access log says. By default nothing of the person who called: no address, user agent, path, query or claim."
  type        = map(string)
  default = {
    time               = "$context.requestTime"
    requestId          = "$context.requestId"
    routeKey           = "$context.routeKey"
    status             = "$context.status"
    responseLength     = "$context.responseLength"
    responseLatency    = "$context.responseLatency"
    integrationLatency = "$context.integrationLatency"
    integrationStatus  = "$context.integration.integrationStatus"
    integrationError   = "$context.integrationErrorMessage"
    authorizerError    = "$context.authorizer.error"
  }

  validation {
    condition     = contains(values(var.access_log_fields), "$context.requestId") || contains(values(var.access_log_fields), "$context.extendedRequestId")
    error_message = "access_log_fields must have $context.requestId or $context.extendedRequestId; API Gateway wants one of them."
  }
}

variable "access_log_kms_key_arn" {
  description = "ARN of the KMS key that encrypts the access logs; null for CloudWatch Logs' own encryption."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything the module creates. Must not change with a commit."
  type        = map(string)
  default     = {}
}
