# A version of a layer that holds a Lambda extension. Each new zip is a new version; the old ones stay, because
# published versions of functions were made with them and a rollback goes back to those.

resource "aws_lambda_layer_version" "this" {
  layer_name               = var.name
  description              = var.description
  license_info             = var.license
  s3_bucket                = var.artifact_bucket
  s3_key                   = var.artifact_key
  compatible_architectures = [var.architecture]
  compatible_runtimes      = var.runtimes
  skip_destroy             = true
}
