# Every zip its version, and none is ever taken away, checked without an AWS account.

mock_provider "aws" {}

variables {
  name            = "telemetry"
  artifact_bucket = "artifacts"
  artifact_key    = "artifacts/first.zip"
}

run "is_made_from_the_bucket_and_stays" {
  assert {
    condition = (
      aws_lambda_layer_version.this.s3_key == "artifacts/first.zip" &&
      aws_lambda_layer_version.this.skip_destroy == true &&
      one(aws_lambda_layer_version.this.compatible_architectures) == "arm64" &&
      one(aws_lambda_layer_version.this.compatible_runtimes) == "provided.al2023"
    )
    error_message = "The layer must be made of the zip, and never be deleted."
  }
}

run "another_zip_is_another_version" {
  variables {
    artifact_key = "artifacts/second.zip"
  }

  assert {
    condition     = aws_lambda_layer_version.this.s3_key == "artifacts/second.zip"
    error_message = "A new zip must reach the layer."
  }
}

run "refuses_wrong_inputs" {
  command = plan

  variables {
    name         = "tele metry"
    architecture = "riscv64"
    runtimes     = []
  }

  expect_failures = [var.name, var.architecture, var.runtimes]
}
