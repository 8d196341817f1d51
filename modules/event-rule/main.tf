# Events of a bus that match a pattern invoke one alias of a function, and are kept in an archive if asked.

locals {
  # an archive's name has 48 characters at most
  archive = length(var.name) <= 48 ? var.name : "${substr(var.name, 0, 39)}-${substr(sha256(var.name), 0, 8)}"

  partition = split(":", var.alias_arn)[1]
  region    = split(":", var.alias_arn)[3]
  account   = split(":", var.alias_arn)[4]
  bus_arn   = startswith(var.bus, "arn:") ? var.bus : "arn:${local.partition}:events:${local.region}:${local.account}:event-bus/${var.bus}"
}

resource "aws_cloudwatch_event_rule" "this" {
  name           = var.name
  description    = var.description
  event_bus_name = var.bus
  event_pattern  = var.pattern_json
  state          = var.enabled ? "ENABLED" : "DISABLED"
  tags           = var.tags
}

resource "aws_cloudwatch_event_target" "this" {
  rule           = aws_cloudwatch_event_rule.this.name
  event_bus_name = aws_cloudwatch_event_rule.this.event_bus_name
  target_id      = "alias"
  arn            = var.alias_arn

  retry_policy {
    maximum_retry_attempts       = var.retries
    maximum_event_age_in_seconds = var.max_age_s
  }

  dynamic "dead_letter_config" {
    for_each = var.dead_letter_arn == null ? [] : [var.dead_letter_arn]

    content {
      arn = dead_letter_config.value
    }
  }

  # An event that may not invoke yet would be lost.
  depends_on = [aws_lambda_permission.this]
}

resource "aws_lambda_permission" "this" {
  statement_id   = "event-${var.name}"
  action         = "lambda:InvokeFunction"
  function_name  = var.function_name
  qualifier      = var.alias_name
  principal      = "events.amazonaws.com"
  source_arn     = aws_cloudwatch_event_rule.this.arn
  source_account = local.account
}

# Of what the rule matches, so that it can be replayed to it.
resource "aws_cloudwatch_event_archive" "this" {
  count = var.archive_days == 0 ? 0 : 1

  name             = local.archive
  description      = "What the rule ${var.name} matches"
  event_source_arn = local.bus_arn
  event_pattern    = var.pattern_json
  retention_days   = var.archive_days
}
