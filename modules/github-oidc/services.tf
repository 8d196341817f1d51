# The most that a role of a service can ever do, whatever its own policies say: data of this account and region, never
# rights. Who deploys writes those policies, so without it whoever deploys could do anything.

locals {
  own_boundary      = "arn:${local.partition}:iam::${local.account}:policy${local.path}github-${var.name}-services"
  services_boundary = var.services_boundary_arn == null ? local.own_boundary : var.services_boundary_arn

  everything = [
    for service in [
      "dynamodb", "events", "execute-api", "kinesis", "kms", "lambda", "logs", "rds-db", "secretsmanager", "ses", "sns", "sqs", "ssm", "states",
    ] : "arn:${local.partition}:${service}:${local.here}:*"
  ]

  services = [
    {
      Sid    = "Data"
      Effect = "Allow"
      Action = [
        "dynamodb:*Item", "dynamodb:Describe*", "dynamodb:Get*", "dynamodb:List*", "dynamodb:PartiQL*", "dynamodb:Query", "dynamodb:Scan",
        "events:DescribeEventBus", "events:PutEvents", "execute-api:*",
        "kinesis:Describe*", "kinesis:Get*", "kinesis:List*", "kinesis:PutRecord*", "kinesis:SubscribeToShard",
        # Who decrypts may do it as the role itself (a function its variables), not by way of a service alone.
        "kms:Decrypt", "kms:GenerateDataKey*",
        "lambda:Invoke*",
        "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents",
        "rds-db:connect",
        "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage",
        "ses:Send*", "sns:Publish",
        "sqs:*Message*", "sqs:GetQueue*", "sqs:List*", "sqs:PurgeQueue",
        "ssm:GetParameter*",
        "states:*Execution*", "states:SendTask*",
      ]
      Resource = local.everything
    },
    # What undoes a release by itself.
    { Sid = "Aliases", Effect = "Allow", Action = ["lambda:GetAlias", "lambda:UpdateAlias"], Resource = local.functions },
    # A bucket's ARN names no account.
    {
      Sid       = "Objects"
      Effect    = "Allow"
      Action    = ["s3:AbortMultipartUpload", "s3:DeleteObject*", "s3:Get*", "s3:List*", "s3:PutObject*", "s3:RestoreObject"]
      Resource  = "arn:${local.partition}:s3:::*"
      Condition = { StringEquals = { "aws:ResourceAccount" = local.account } }
    },
    # These know no narrower resource.
    {
      Sid    = "WithoutNames"
      Effect = "Allow"
      Action = [
        "cloudwatch:DescribeAlarms", "cloudwatch:GetMetric*", "cloudwatch:ListMetrics", "cloudwatch:PutMetricData",
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:UnassignPrivateIpAddresses",
        "xray:GetSampling*", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
      ]
      Resource  = "*"
      Condition = { StringEquals = { "aws:RequestedRegion" = local.region } }
    },
    # Said out loud, because a policy of the other side (a bucket's, a role's) could grant what is only not allowed here.
    {
      Sid      = "NeverRights"
      Effect   = "Deny"
      Action   = ["account:*", "iam:*", "organizations:*", "sts:AssumeRole*"]
      Resource = "*"
    },
    # States hold secrets, and who writes the ledger or an artifact decides what is deployed.
    { Sid = "NeverTheEnvironmentsBucket", Effect = "Deny", Action = ["s3:*"], Resource = [local.bucket, "${local.bucket}/*"] },
  ]
}

# Also where another one is named: AWS deletes none that a role still has.
resource "aws_iam_policy" "services" {
  name        = "github-${var.name}-services"
  path        = local.path
  description = "The most that a role of a service can do in ${var.name}"
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.services })
  tags        = var.tags
}
