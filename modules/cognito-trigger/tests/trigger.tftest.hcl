# Which pool may invoke the alias, and when it does, checked without an AWS account.

mock_provider "aws" {
  mock_resource "aws_cognito_user_pool" {
    defaults = {
      id  = "eu-west-1_AbCdEfGhI"
      arn = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_AbCdEfGhI"
    }
  }
}

variables {
  trigger       = "pre-token-generation"
  function_name = "claims"
  alias_arn     = "arn:aws:lambda:eu-west-1:123456789012:function:claims:live"
}

run "a_pool_of_its_own_with_v3" {
  variables {
    name          = "people"
    event_version = "V3_0"
  }

  assert {
    condition = (
      one(one(aws_cognito_user_pool.this[0].lambda_config).pre_token_generation_config).lambda_arn == var.alias_arn &&
      one(one(aws_cognito_user_pool.this[0].lambda_config).pre_token_generation_config).lambda_version == "V3_0"
    )
    error_message = "The pool must call the alias with the third form of the event."
  }

  assert {
    condition = (
      aws_cognito_user_pool.this[0].deletion_protection == "ACTIVE" &&
      aws_cognito_user_pool.this[0].mfa_configuration == "OPTIONAL" &&
      one(aws_cognito_user_pool.this[0].password_policy).minimum_length == 12
    )
    error_message = "A pool must be safe as it comes."
  }

  assert {
    condition = (
      aws_lambda_permission.this.qualifier == "live" &&
      aws_lambda_permission.this.source_arn == aws_cognito_user_pool.this[0].arn &&
      aws_lambda_permission.this.source_account == "123456789012"
    )
    error_message = "Only this pool may invoke, and only the alias."
  }
}

run "another_moment_is_a_plain_trigger" {
  variables {
    name                = "people"
    trigger             = "pre-sign-up"
    deletion_protection = false
  }

  assert {
    condition = (
      one(aws_cognito_user_pool.this[0].lambda_config).pre_sign_up == var.alias_arn &&
      aws_cognito_user_pool.this[0].deletion_protection == "INACTIVE" &&
      jsondecode(output.lambda_config_json) == { PreSignUp = var.alias_arn }
    )
    error_message = "The pool must call the alias before somebody signs up."
  }
}

run "a_pool_that_is_there_gets_the_permission" {
  variables {
    user_pool_id  = "eu-west-1_XyZ"
    event_version = "V2_0"
  }

  override_data {
    target = data.aws_cognito_user_pool.there
    values = {
      lambda_config = [{
        pre_token_generation_config = [{ lambda_arn = "arn:aws:lambda:eu-west-1:123456789012:function:claims:live" }]
      }]
    }
  }

  assert {
    condition = (
      length(aws_cognito_user_pool.this) == 0 &&
      aws_lambda_permission.this.source_arn == "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_XyZ"
    )
    error_message = "Only the given pool may invoke the alias."
  }

  assert {
    condition = (
      jsondecode(output.lambda_config_json) ==
      { PreTokenGenerationConfig = { LambdaArn = var.alias_arn, LambdaVersion = "V2_0" } }
    )
    error_message = "The output must say what the pool has to be told."
  }
}

run "says_that_a_pool_does_not_call_the_alias" {
  command = plan

  variables {
    user_pool_id = "eu-west-1_XyZ"
  }

  override_data {
    target = data.aws_cognito_user_pool.there
    values = { lambda_config = [] }
  }

  expect_failures = [check.the_pool_calls_the_alias]
}

run "refuses_wrong_inputs" {
  command = plan

  variables {
    name          = "my people"
    trigger       = "pre-token"
    event_version = "V4_0"
    alias_arn     = "arn:aws:lambda:eu-west-1:123456789012:function:claims"
  }

  expect_failures = [var.name, var.trigger, var.event_version, var.alias_arn]
}

run "refuses_what_is_no_pool" {
  command = plan

  variables {
    user_pool_id = "people"
  }

  expect_failures = [var.user_pool_id]
}

run "refuses_a_pool_without_a_name" {
  command = plan

  expect_failures = [aws_lambda_permission.this, check.the_pool_calls_the_alias]
}

run "refuses_a_version_where_there_is_one_form" {
  command = plan

  variables {
    name          = "people"
    trigger       = "pre-sign-up"
    event_version = "V2_0"
  }

  expect_failures = [aws_lambda_permission.this]
}
