variable "name" {
  description = "Name of the table."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{3,255}$", var.name))
    error_message = "name must be 3 to 255 letters, digits, underscores, hyphens or dots."
  }
}

variable "partition_key" {
  description = "Attribute that items are found by, and its type: S text, N number, B bytes."
  type = object({
    name = string
    type = optional(string, "S")
  })

  validation {
    condition     = length(var.partition_key.name) >= 1 && length(var.partition_key.name) <= 255
    error_message = "partition_key.name must have 1 to 255 characters."
  }

  validation {
    condition     = contains(["S", "N", "B"], var.partition_key.type)
    error_message = "partition_key.type must be S, N or B."
  }
}

variable "sort_key" {
  description = "Attribute that items of one partition are sorted by, and its type; null for none."
  type = object({
    name = string
    type = optional(string, "S")
  })
  default = null

  validation {
    condition     = var.sort_key == null ? true : length(var.sort_key.name) >= 1 && length(var.sort_key.name) <= 255
    error_message = "sort_key.name must have 1 to 255 characters."
  }

  validation {
    condition     = var.sort_key == null ? true : contains(["S", "N", "B"], var.sort_key.type)
    error_message = "sort_key.type must be S, N or B."
  }
}

variable "indexes" {
  description = "Global secondary indexes by their names: keys, and what they hold besides (`all`, `keys-only`, or `include` with `attributes`)."
  type = map(object({
    partition_key = object({ name = string, type = optional(string, "S") })
    sort_key      = optional(object({ name = string, type = optional(string, "S") }))
    projection    = optional(string, "all")
    attributes    = optional(list(string), [])
  }))
  default = {}

  validation {
    condition     = length(var.indexes) <= 20
    error_message = "indexes must not be more than 20."
  }

  validation {
    condition     = alltrue([for name in keys(var.indexes) : can(regex("^[A-Za-z0-9_.-]{3,255}$", name))])
    error_message = "Each index's name must be 3 to 255 letters, digits, underscores, hyphens or dots."
  }

  validation {
    condition = alltrue([
      for index in values(var.indexes) :
      contains(["all", "keys-only", "include"], index.projection) &&
      (index.projection == "include") == (length(index.attributes) > 0)
    ])
    error_message = "Each index's projection must be all, keys-only or include, and attributes are for include."
  }

  validation {
    condition = alltrue(flatten([
      for index in values(var.indexes) : [
        for key in concat([index.partition_key], index.sort_key == null ? [] : [index.sort_key]) :
        contains(["S", "N", "B"], key.type)
      ]
    ]))
    error_message = "The type of each index's key must be S, N or B."
  }
}

variable "ttl" {
  description = "Attribute with the time (seconds since 1970) after which DynamoDB deletes an item; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.ttl == null ? true : length(var.ttl) >= 1 && length(var.ttl) <= 255
    error_message = "ttl must have 1 to 255 characters."
  }
}

variable "ttl_enabled" {
  description = "Whether items go at that time. To end it set this to false first: without `ttl` the provider leaves it as it is."
  type        = bool
  default     = true
}

variable "stream" {
  description = "What of each change is published: keys-only, new-image, old-image or new-and-old-images; null for no stream."
  type        = string
  default     = null

  validation {
    condition     = var.stream == null ? true : contains(["keys-only", "new-image", "old-image", "new-and-old-images"], var.stream)
    error_message = "stream must be keys-only, new-image, old-image or new-and-old-images."
  }
}

variable "point_in_time_recovery" {
  description = "Whether the table can be brought back to any second of the last 35 days."
  type        = bool
  default     = true
}

variable "deletion_protection" {
  description = "Whether DynamoDB itself refuses to delete the table."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the table; null for the account's own key of DynamoDB. Whoever reads or writes must then be allowed to use it."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything the module creates. Must not change with a commit."
  type        = map(string)
  default     = {}
}
