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
}

variable "alias_invoke_arn" {
  description = "ARN by which API Gateway invokes the alias (output `alias_invoke_arn` of rust-lambda)."
  type        = string
}

variable "tags" {
  description = "Tags of everything the module creates. Must not change with a commit."
  type        = map(string)
  default     = {}
}
