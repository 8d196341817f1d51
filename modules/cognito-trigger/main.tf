# A Cognito user pool may invoke one alias of a function at one moment. The provider can set a pool's triggers only
# as part of the whole pool, so the module sets them in a pool it makes itself (pool.tf), and says what is missing in
# one that is there.

locals {
  partition = split(":", var.alias_arn)[1]
  region    = split(":", var.alias_arn)[3]
  account   = split(":", var.alias_arn)[4]

  own      = var.name != null # decides what is made, so it must be known before a pool of the same root is
  given    = coalesce(var.user_pool_id, "none")
  pool_id  = local.own ? one(aws_cognito_user_pool.this[*].id) : local.given
  pool_arn = local.own ? one(aws_cognito_user_pool.this[*].arn) : "arn:${local.partition}:cognito-idp:${local.region}:${local.account}:userpool/${local.given}"

  # V1_0 is the plain trigger; the later forms have a setting of their own.
  plain     = var.event_version == null || var.event_version == "V1_0"
  argument  = replace(var.trigger, "-", "_")
  arguments = local.plain ? { (local.argument) = var.alias_arn } : {}
  config    = local.plain ? [] : [{ lambda_arn = var.alias_arn, lambda_version = var.event_version }]

  # as Cognito's API spells it: PreSignUp, VerifyAuthChallengeResponse, PreTokenGenerationConfig
  spelled = join("", [for word in split("-", var.trigger) : title(word)])
  wanted = (
    local.plain ? jsonencode({ (local.spelled) = var.alias_arn }) :
    jsonencode({ PreTokenGenerationConfig = { LambdaArn = var.alias_arn, LambdaVersion = var.event_version } })
  )
}

resource "aws_lambda_permission" "this" {
  statement_id   = "cognito-${var.trigger}-${local.own ? var.name : local.given}"
  action         = "lambda:InvokeFunction"
  function_name  = var.function_name
  qualifier      = var.alias_name
  principal      = "cognito-idp.amazonaws.com"
  source_arn     = local.pool_arn
  source_account = local.account

  lifecycle {
    precondition {
      condition     = (var.name == null) != (var.user_pool_id == null)
      error_message = "Either name (of the pool to make) or user_pool_id (of one that is there) must be given."
    }

    precondition {
      condition     = var.event_version == null || var.trigger == "pre-token-generation"
      error_message = "Only pre-token-generation has an event_version."
    }
  }
}

# A warning of each plan as long as the pool does not call the alias; it stops nothing.
check "the_pool_calls_the_alias" {
  data "aws_cognito_user_pool" "there" {
    user_pool_id = local.pool_id
  }

  assert {
    condition = local.own ? true : contains(
      flatten([
        for config in data.aws_cognito_user_pool.there.lambda_config : concat(
          [lookup(config, local.argument, null)],
          var.trigger == "pre-token-generation" ? config.pre_token_generation_config[*].lambda_arn : [],
        )
      ]),
      var.alias_arn,
    )
    error_message = "User pool ${local.given} does not call ${var.alias_arn} at ${var.trigger} yet: set it where the pool is managed (output lambda_config_json)."
  }
}
