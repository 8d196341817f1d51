# What the deploying role is granted beyond looking: the release itself, and what Terraform makes for a service.

locals {
  release = concat([
    local.list_bucket,
    {
      Sid      = "Objects"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
      Resource = [for prefix in ["artifacts", "crabwalk", "plans", "terraform"] : "${local.bucket}/${prefix}/*"]
    },
    {
      Sid      = "Release"
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction", "lambda:PublishVersion", "lambda:UpdateAlias", "lambda:UpdateFunctionCode"]
      Resource = local.functions
    },
    # `--detach` hands a walk to the canary controller, where the environment has one.
    {
      Sid      = "Controller"
      Effect   = "Allow"
      Action   = ["states:DescribeExecution", "states:StartExecution"]
      Resource = [for one in local.controller : "arn:${local.partition}:states:${local.here}:${one}"]
    },
    { Sid = "Metrics", Effect = "Allow", Action = ["cloudwatch:GetMetricData"], Resource = "*" },
    { Sid = "Logs", Effect = "Allow", Action = ["logs:FilterLogEvents"], Resource = local.logs },
  ], local.bus_statements, local.key_statements.writes)

  # Functions, their roles and log groups.
  code = [
    {
      Sid    = "Functions"
      Effect = "Allow"
      Action = [
        "lambda:AddPermission", "lambda:CreateAlias", "lambda:CreateFunction", "lambda:CreateFunctionUrlConfig", "lambda:DeleteAlias",
        "lambda:DeleteFunction", "lambda:DeleteFunctionConcurrency", "lambda:DeleteFunctionEventInvokeConfig",
        "lambda:DeleteFunctionUrlConfig", "lambda:DeleteProvisionedConcurrencyConfig", "lambda:PutFunctionConcurrency",
        "lambda:PutFunctionEventInvokeConfig", "lambda:PutProvisionedConcurrencyConfig", "lambda:RemovePermission",
        "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateFunctionConfiguration", "lambda:UpdateFunctionEventInvokeConfig",
        "lambda:UpdateFunctionUrlConfig",
      ]
      Resource = local.functions
    },
    # Half of what lets everybody call a function URL is made by Cloud Control, which does as its caller what the caller may.
    {
      Sid      = "UrlPermissions"
      Effect   = "Allow"
      Action   = ["cloudformation:CreateResource", "cloudformation:DeleteResource", "cloudformation:GetResourceRequestStatus"]
      Resource = "*"
    },
    { Sid = "Layers", Effect = "Allow", Action = ["lambda:DeleteLayerVersion", "lambda:PublishLayerVersion"], Resource = local.layers },
    # A mapping has a number for a name; AWS compares the function it leads to.
    {
      Sid       = "Mappings"
      Effect    = "Allow"
      Action    = ["lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:UpdateEventSourceMapping"]
      Resource  = "*"
      Condition = { ArnLike = { "lambda:FunctionArn" = local.functions } }
    },
    { Sid = "MappingTags", Effect = "Allow", Action = ["lambda:TagResource", "lambda:UntagResource"], Resource = local.mappings },
    {
      Sid    = "Roles"
      Effect = "Allow"
      Action = [
        "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:ListInstanceProfilesForRole", "iam:TagRole", "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
      ]
      Resource = local.roles
    },
    # Of a role that has the boundary, or gets it by this: who may give a role rights must not be able to give it all.
    {
      Sid       = "BoundedRoles"
      Effect    = "Allow"
      Action    = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
      Resource  = local.roles
      Condition = { StringEquals = { "iam:PermissionsBoundary" = local.services_boundary } }
    },
    {
      Sid      = "PassRole"
      Effect   = "Allow"
      Action   = ["iam:PassRole"]
      Resource = local.roles
      Condition = { StringEquals = { "iam:PassedToService" = [
        for service in ["events", "lambda", "pipes", "scheduler", "states"] : "${service}.amazonaws.com"
      ] } }
    },
    {
      Sid      = "LogGroups"
      Effect   = "Allow"
      Action   = ["logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource"]
      Resource = local.logs
    },
    # Lambda looks for the subnets of a function in a VPC as who makes it; EC2 knows no narrower resource.
    { Sid = "Vpc", Effect = "Allow", Action = ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"], Resource = "*" },
  ]

  # What is around a function. Policies are as long as IAM allows, so what belongs to one service is one statement.
  things = [
    { Sid = "Apis", Effect = "Allow", Action = ["apigateway:DELETE", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT"], Resource = local.apis },
    # So that an API can write its access logs.
    {
      Sid    = "AccessLogs"
      Effect = "Allow"
      Action = [
        "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeResourcePolicies", "logs:GetLogDelivery",
        "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
      ]
      Resource = "*"
    },
    { Sid = "Pools", Effect = "Allow", Action = ["cognito-idp:UpdateUserPool"], Resource = local.user_pools },
    {
      Sid    = "Tables"
      Effect = "Allow"
      Action = [
        "dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:TagResource", "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive",
      ]
      Resource = local.tables
    },
    {
      Sid      = "Queues"
      Effect   = "Allow"
      Action   = ["sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"]
      Resource = local.queues
    },
    {
      Sid    = "Buckets"
      Effect = "Allow"
      Action = [
        "s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketNotification", "s3:PutBucketOwnershipControls",
        "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning",
        "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
      ]
      Resource = local.buckets
    },
    {
      Sid    = "Events"
      Effect = "Allow"
      Action = [
        "events:CreateArchive", "events:CreateEventBus", "events:DeleteArchive", "events:DeleteEventBus", "events:DeleteRule",
        "events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:TagResource", "events:UntagResource",
        "events:UpdateArchive", "events:UpdateEventBus",
      ]
      Resource = local.events
    },
    {
      Sid    = "Schedules"
      Effect = "Allow"
      Action = [
        "scheduler:CreateSchedule", "scheduler:CreateScheduleGroup", "scheduler:DeleteSchedule", "scheduler:DeleteScheduleGroup",
        "scheduler:TagResource", "scheduler:UntagResource", "scheduler:UpdateSchedule",
      ]
      Resource = local.schedules
    },
    {
      Sid      = "Pipes"
      Effect   = "Allow"
      Action   = ["pipes:CreatePipe", "pipes:DeletePipe", "pipes:TagResource", "pipes:UntagResource", "pipes:UpdatePipe"]
      Resource = local.pipes
    },
    {
      Sid    = "Machines"
      Effect = "Allow"
      Action = [
        "states:CreateStateMachine", "states:DeleteStateMachine", "states:TagResource", "states:UntagResource", "states:UpdateStateMachine",
      ]
      Resource = local.machines
    },
    {
      Sid      = "Secrets"
      Effect   = "Allow"
      Action   = ["secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:TagResource", "secretsmanager:UntagResource", "secretsmanager:UpdateSecret"]
      Resource = local.secrets
    },
    {
      Sid      = "Alarms"
      Effect   = "Allow"
      Action   = ["cloudwatch:DeleteAlarms", "cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
      Resource = [local.alarms, local.boards]
    },
  ]
}
