# A bus of one's own. EventBridge encrypts it with its own key, and only this account may put events on it.

resource "aws_cloudwatch_event_bus" "this" {
  name               = var.name
  description        = var.description
  kms_key_identifier = var.kms_key_arn
  tags               = var.tags
}
