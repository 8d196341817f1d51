# A table paid by request, encrypted, that can be brought back to any second of the last 35 days.

locals {
  keys = concat(
    [var.partition_key],
    var.sort_key == null ? [] : [var.sort_key],
    [for index in values(var.indexes) : index.partition_key],
    [for index in values(var.indexes) : index.sort_key if index.sort_key != null],
  )
  types = { for key in local.keys : key.name => key.type... }
}

resource "aws_dynamodb_table" "this" {
  # checkov:skip=CKV_AWS_119:The key of the account (aws/dynamodb) encrypts unless kms_key_arn names one; a key of one's own costs by month and table
  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = var.partition_key.name
  range_key                   = try(var.sort_key.name, null)
  stream_enabled              = var.stream != null
  stream_view_type            = var.stream == null ? null : upper(replace(var.stream, "-", "_"))
  deletion_protection_enabled = var.deletion_protection
  tags                        = var.tags

  dynamic "attribute" {
    for_each = local.types

    content {
      name = attribute.key
      type = attribute.value[0]
    }
  }

  dynamic "global_secondary_index" {
    for_each = var.indexes

    content {
      name               = global_secondary_index.key
      hash_key           = global_secondary_index.value.partition_key.name
      range_key          = try(global_secondary_index.value.sort_key.name, null)
      projection_type    = upper(replace(global_secondary_index.value.projection, "-", "_"))
      non_key_attributes = global_secondary_index.value.projection == "include" ? global_secondary_index.value.attributes : null
    }
  }

  # Without the block the provider leaves things as they are, so that only `ttl_enabled` ends what was there.
  dynamic "ttl" {
    for_each = var.ttl == null ? [] : [var.ttl]

    content {
      attribute_name = ttl.value
      enabled        = var.ttl_enabled
    }
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }

  lifecycle {
    precondition {
      condition     = alltrue([for types in values(local.types) : length(distinct(types)) == 1])
      error_message = "An attribute that is a key in several places must have the same type in all of them."
    }
  }
}
