variable "name" {
  description = "Name of the layer."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.name))
    error_message = "name must be 1 to 64 letters, digits, hyphens or underscores."
  }
}

variable "description" {
  description = "What this version of the layer is."
  type        = string
  default     = ""

  validation {
    condition     = length(var.description) <= 256
    error_message = "description must not be longer than 256 characters."
  }
}

variable "license" {
  description = "The layer's licence: an SPDX identifier, a URL or its text."
  type        = string
  default     = null

  validation {
    condition     = var.license == null ? true : length(var.license) <= 512
    error_message = "license must not be longer than 512 characters."
  }
}

variable "artifact_bucket" {
  description = "Bucket of the layer's zip."
  type        = string
}

variable "artifact_key" {
  description = "Key of the zip, with the executable under `extensions/`. Another key is another version: it must change with the content."
  type        = string
}

variable "architecture" {
  description = "Instruction set of the extension: arm64 or x86_64."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "runtimes" {
  description = "Runtimes of functions the layer is for."
  type        = list(string)
  default     = ["provided.al2023"]

  validation {
    condition     = length(var.runtimes) >= 1 && length(var.runtimes) <= 15
    error_message = "runtimes must name 1 to 15 runtimes."
  }
}
