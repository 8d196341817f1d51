# The ARNs of what the roles may reach: what crabwalk names PROJECT-ENVIRONMENT-…, and the environment's bucket.

locals {
  here   = "${local.region}:${local.account}"
  lambda = "arn:${local.partition}:lambda:${local.here}"
  bucket = "arn:${local.partition}:s3:::${var.bucket}"

  functions = "${local.lambda}:function:${var.name}-*"
  layers    = ["${local.lambda}:layer:${var.name}-*", "${local.lambda}:layer:${var.name}-*:*"]
  mappings  = "${local.lambda}:event-source-mapping:*"
  roles     = "arn:${local.partition}:iam::${local.account}:role/${var.name}-*"
  log_group = "arn:${local.partition}:logs:${local.here}:log-group"
  # The service puts its own name between: /aws/lambda/PROJECT-ENVIRONMENT-SERVICE.
  logs = ["${local.log_group}:/aws/*/${var.name}-*", "${local.log_group}:/aws/*/${var.name}-*:*"]
  # API Gateway and Cognito name by numbers they draw, so their own actions cannot be held to names.
  apis = [
    for path in ["/apis", "/apis/*", "/domainnames", "/domainnames/*", "/tags/*"] :
    "arn:${local.partition}:apigateway:${local.region}::${path}"
  ]
  user_pools = "arn:${local.partition}:cognito-idp:${local.here}:userpool/*"
  tables     = ["arn:${local.partition}:dynamodb:${local.here}:table/${var.name}-*"]
  queues     = "arn:${local.partition}:sqs:${local.here}:${var.name}-*"
  buckets    = "arn:${local.partition}:s3:::${var.name}-*"
  events = [
    for kind in ["rule/${var.name}-*", "rule/*/${var.name}-*", "event-bus/${var.name}-*", "event-bus/default", "archive/${var.name}-*"] :
    "arn:${local.partition}:events:${local.here}:${kind}"
  ]
  schedules = [
    "arn:${local.partition}:scheduler:${local.here}:schedule/*/${var.name}-*",
    "arn:${local.partition}:scheduler:${local.here}:schedule-group/${var.name}-*",
  ]
  pipes    = "arn:${local.partition}:pipes:${local.here}:pipe/${var.name}-*"
  machines = "arn:${local.partition}:states:${local.here}:stateMachine:${var.name}-*"
  # The canary controller of the environment, which no service's name can be.
  controller = ["stateMachine:${var.name}_controller", "execution:${var.name}_controller:*"]
  secrets    = "arn:${local.partition}:secretsmanager:${local.here}:secret:${var.name}-*"
  alarms     = "arn:${local.partition}:cloudwatch:${local.here}:alarm:${var.name}-*"
  boards     = "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${var.name}-*"

  # The roles of this module, with what belongs to them: looked at by `drift`, and written by no role.
  own = [
    "arn:${local.partition}:iam::${local.account}:role${local.path}github-${var.name}-*",
    "arn:${local.partition}:iam::${local.account}:policy${local.path}github-${var.name}-*",
    "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.issuer}",
  ]

  # Who moves traffic says so on the environment's bus.
  bus_statements = [
    for arns in length(var.event_bus_arns) == 0 ? [] : [var.event_bus_arns] :
    { Sid = "Buses", Effect = "Allow", Action = ["events:PutEvents"], Resource = arns }
  ]

  # What a role does to the bucket's objects it does with the bucket's key, and only by way of S3.
  key_statements = {
    for use, actions in { reads = ["kms:Decrypt"], writes = ["kms:Decrypt", "kms:GenerateDataKey"] } :
    use => [
      for arn in var.kms_key_arn == null ? [] : [var.kms_key_arn] : {
        Sid       = "BucketKey"
        Effect    = "Allow"
        Action    = actions
        Resource  = arn
        Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.${data.aws_partition.this.dns_suffix}" } }
      }
    ]
  }
}
