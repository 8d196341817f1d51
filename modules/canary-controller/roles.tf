# Two roles: the machine calls this one function, starts itself and writes to its queue; the function walks.

resource "aws_iam_role" "machine" {
  name                 = "${var.name}-machine"
  description          = "The state machine ${var.name} calls the function ${var.name}"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "states.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = local.machine_arn }
      }
    }]
  })
}

resource "aws_iam_role_policy" "machine" {
  name = "walk"
  role = aws_iam_role.machine.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Look"
        Effect   = "Allow"
        Action   = "lambda:InvokeFunction"
        Resource = "${aws_lambda_function.this.arn}:*" # its published versions
      },
      { Sid = "GoOn", Effect = "Allow", Action = "states:StartExecution", Resource = local.machine_arn },
      { Sid = "GiveUp", Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.dead.arn },
    ]
  })
}

resource "aws_iam_role" "function" {
  name                 = var.name
  description          = "The function ${var.name} walks the releases of ${var.bucket}"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  name = "walk"
  role = aws_iam_role.function.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.this.arn}:*"
      },
      # Without the right to list, S3 says "denied" where an object is not there.
      { Sid = "Bucket", Effect = "Allow", Action = "s3:ListBucket", Resource = "arn:${local.partition}:s3:::${var.bucket}" },
      # The services' part of the ledger, and not what new walks are told of their controller.
      {
        Sid      = "Ledger"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = "arn:${local.partition}:s3:::${var.bucket}/crabwalk/services/*"
      },
      { Sid = "ProbeEvents", Effect = "Allow", Action = "s3:GetObject", Resource = "arn:${local.partition}:s3:::${var.bucket}/crabwalk/events/*" },
      { Sid = "Aliases", Effect = "Allow", Action = ["lambda:GetAlias", "lambda:UpdateAlias"], Resource = var.functions },
      # Probes go through the alias only.
      { Sid = "Probes", Effect = "Allow", Action = "lambda:InvokeFunction", Resource = [for arn in var.functions : "${arn}:live"] },
      # CloudWatch knows no narrower resource for these two.
      { Sid = "Metrics", Effect = "Allow", Action = ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"], Resource = "*" },
      ],
      [for arns in [var.topic_arns] : { Sid = "Notices", Effect = "Allow", Action = "sns:Publish", Resource = arns } if length(arns) > 0],
      [for arns in [var.event_bus_arns] : { Sid = "Events", Effect = "Allow", Action = "events:PutEvents", Resource = arns } if length(arns) > 0],
      # GetSecretValue is an action on the whole secret: what it has beside the token is read, too.
      [for arns in [var.secret_arns] : { Sid = "Token", Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = arns } if length(arns) > 0],
      [for arn in [var.kms_key_arn] : { Sid = "Key", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = arn } if arn != null],
    )
  })
}
