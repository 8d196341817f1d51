# What each role is granted, one list of statements a policy. README.md says why; a test holds the roles to what the
# verbs really call.

locals {
  # Without the right to list, S3 says "denied" where an object is not there, and nothing could be told from that.
  list_bucket = { Sid = "Bucket", Effect = "Allow", Action = ["s3:ListBucket"], Resource = local.bucket }

  read = concat([
    local.list_bucket,
    { Sid = "Ledger", Effect = "Allow", Action = ["s3:GetObject"], Resource = "${local.bucket}/crabwalk/*" },
    {
      Sid      = "Functions"
      Effect   = "Allow"
      Action   = ["lambda:GetAlias", "lambda:GetFunctionConfiguration"]
      Resource = local.functions
    },
    # CloudWatch knows no narrower resource for these two.
    { Sid = "Metrics", Effect = "Allow", Action = ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"], Resource = "*" },
    { Sid = "Logs", Effect = "Allow", Action = ["logs:FilterLogEvents"], Resource = local.logs },
  ], local.key_statements.reads)

  rollback = concat([
    local.list_bucket,
    { Sid = "Alias", Effect = "Allow", Action = ["lambda:GetAlias", "lambda:UpdateAlias"], Resource = local.functions },
    {
      Sid      = "Ledger"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = "${local.bucket}/crabwalk/services/*"
    },
  ], local.bus_statements, local.key_statements.writes)

  # What was built lies under its hash: it is written where nothing is, and nothing is ever written over.
  store = {
    for prefix in ["artifacts", "plans"] : prefix => {
      Sid       = "New${title(prefix)}"
      Effect    = "Allow"
      Action    = ["s3:PutObject"]
      Resource  = "${local.bucket}/${prefix}/*"
      Condition = { Null = { "s3:if-none-match" = "false" } }
    }
  }

  build = concat([
    local.list_bucket,
    { Sid = "Artifacts", Effect = "Allow", Action = ["s3:GetObject"], Resource = "${local.bucket}/artifacts/*" },
    local.store.artifacts,
  ], local.key_statements.writes)

  # Terraform reads every resource of a root before it plans.
  look = [
    { Sid = "Functions", Effect = "Allow", Action = ["lambda:Get*", "lambda:List*"], Resource = concat([local.functions], local.layers) },
    {
      Sid      = "Mappings"
      Effect   = "Allow"
      Action   = ["lambda:GetEventSourceMapping", "lambda:ListTags"]
      Resource = local.mappings
    },
    {
      Sid      = "Roles"
      Effect   = "Allow"
      Action   = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"]
      Resource = local.roles
    },
    { Sid = "LogGroups", Effect = "Allow", Action = ["logs:ListTagsForResource"], Resource = local.logs },
    { Sid = "Apis", Effect = "Allow", Action = ["apigateway:GET"], Resource = local.apis },
    { Sid = "Pools", Effect = "Allow", Action = ["cognito-idp:DescribeUserPool", "cognito-idp:GetUserPoolMfaConfig"], Resource = local.user_pools },
    {
      Sid      = "Tables"
      Effect   = "Allow"
      Action   = ["dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:ListTagsOfResource"]
      Resource = local.tables
    },
    { Sid = "Queues", Effect = "Allow", Action = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"], Resource = local.queues },
    {
      Sid    = "Buckets"
      Effect = "Allow"
      Action = [
        "s3:GetAccelerateConfiguration", "s3:GetBucket*", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration",
        "s3:GetReplicationConfiguration", "s3:ListBucket",
      ]
      Resource = local.buckets
    },
    {
      Sid      = "Events"
      Effect   = "Allow"
      Action   = ["events:DescribeArchive", "events:DescribeEventBus", "events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"]
      Resource = local.events
    },
    {
      Sid      = "Schedules"
      Effect   = "Allow"
      Action   = ["scheduler:GetSchedule", "scheduler:GetScheduleGroup", "scheduler:ListTagsForResource"]
      Resource = local.schedules
    },
    { Sid = "Pipes", Effect = "Allow", Action = ["pipes:DescribePipe", "pipes:ListTagsForResource"], Resource = local.pipes },
    {
      Sid      = "Machines"
      Effect   = "Allow"
      Action   = ["states:DescribeStateMachine", "states:ListStateMachineVersions", "states:ListTagsForResource"]
      Resource = local.machines
    },
    { Sid = "Secrets", Effect = "Allow", Action = ["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"], Resource = local.secrets },
    { Sid = "Alarms", Effect = "Allow", Action = ["cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"], Resource = [local.alarms, local.boards] },
    # These know no narrower resource.
    {
      Sid      = "Lists"
      Effect   = "Allow"
      Action   = ["cloudformation:GetResource", "cloudwatch:DescribeAlarms", "logs:DescribeLogGroups", "states:ValidateStateMachineDefinition"]
      Resource = "*"
    },
  ]

  # Reading a state is reading the secrets in it: the reason why only these two roles may.
  states = {
    Sid      = "States"
    Effect   = "Allow"
    Action   = ["s3:GetObject"]
    Resource = [for prefix in ["artifacts", "crabwalk", "plans", "terraform"] : "${local.bucket}/${prefix}/*"]
  }

  plan = concat([
    local.list_bucket,
    local.states,
    {
      Sid      = "Lock"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject", "s3:PutObject"]
      Resource = "${local.bucket}/terraform/*.tflock"
    },
    local.store.plans,
    local.store.artifacts, # of a saved plan
    # What the service's own traffic could show of a new version is part of a plan.
    { Sid = "Metrics", Effect = "Allow", Action = ["cloudwatch:GetMetricData"], Resource = "*" },
  ], local.key_statements.writes)

  # The environment itself is looked at when drift is looked for: its bucket, its key, these roles.
  environment = concat([
    {
      Sid    = "BucketItself"
      Effect = "Allow"
      Action = [
        "s3:GetAccelerateConfiguration", "s3:GetBucket*", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration",
        "s3:GetReplicationConfiguration",
      ]
      Resource = local.bucket
    },
    {
      Sid    = "RolesThemselves"
      Effect = "Allow"
      Action = [
        "iam:GetOpenIDConnectProvider", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole", "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
      ]
      Resource = local.own
    },
    # Both list, and know no narrower resource.
    { Sid = "Lists", Effect = "Allow", Action = ["iam:ListOpenIDConnectProviders", "kms:ListAliases"], Resource = "*" },
    ], [
    for arn in var.kms_key_arn == null ? [] : [var.kms_key_arn] : {
      Sid      = "KeyItself"
      Effect   = "Allow"
      Action   = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
      Resource = arn
    }
  ])

  granted = {
    read     = { all = local.read }
    rollback = { all = local.rollback }
    build    = { all = local.build }
    plan     = { bucket = local.plan, environment = local.environment, look = local.look }
    deploy   = { release = local.release, look = local.look, code = local.code, things = local.things }
  }
}
