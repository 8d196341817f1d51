# Objects of a bucket that come and go, for the alias of a function. S3 keeps one list of these rules for a bucket.

locals {
  partition = split(":", var.alias_arn)[1]
  account   = split(":", var.alias_arn)[4]

  kinds = {
    created  = "s3:ObjectCreated:*"
    removed  = "s3:ObjectRemoved:*"
    restored = "s3:ObjectRestore:*"
    expired  = "s3:LifecycleExpiration:*"
    tagged   = "s3:ObjectTagging:*"
  }
}

resource "aws_lambda_permission" "this" {
  statement_id   = "s3-${replace(var.bucket, ".", "_")}"
  action         = "lambda:InvokeFunction"
  function_name  = var.function_name
  qualifier      = var.alias_name
  principal      = "s3.amazonaws.com"
  source_arn     = "arn:${local.partition}:s3:::${var.bucket}"
  source_account = local.account # a bucket's ARN names no account, and its name can be given up and taken by another
}

resource "aws_s3_bucket_notification" "this" {
  bucket = var.bucket

  dynamic "lambda_function" {
    for_each = var.rules

    content {
      id                  = "${var.function_name}-${lambda_function.key}"
      lambda_function_arn = var.alias_arn
      events              = sort([for event in lambda_function.value.events : local.kinds[event]])
      filter_prefix       = lambda_function.value.prefix
      filter_suffix       = lambda_function.value.suffix
    }
  }

  # S3 refuses to notify a function that it may not invoke.
  depends_on = [aws_lambda_permission.this]
}
