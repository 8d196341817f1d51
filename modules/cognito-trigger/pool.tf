# The pool, when none is given: sign-in by e-mail, long passwords, a second factor for who wants it, and no message
# that tells whether somebody has an account.

resource "aws_cognito_user_pool" "this" {
  count = local.own ? 1 : 0

  name                     = var.name
  deletion_protection      = var.deletion_protection ? "ACTIVE" : "INACTIVE"
  user_pool_tier           = "ESSENTIALS" # V2_0 and V3_0 need it
  username_attributes      = ["email"]
  auto_verified_attributes = ["email"]
  mfa_configuration        = "OPTIONAL"
  tags                     = var.tags

  username_configuration {
    case_sensitive = false
  }

  software_token_mfa_configuration {
    enabled = true
  }

  password_policy {
    minimum_length                   = 12
    require_lowercase                = true
    require_uppercase                = true
    require_numbers                  = true
    require_symbols                  = false
    temporary_password_validity_days = 7
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }

  lambda_config {
    pre_sign_up                    = lookup(local.arguments, "pre_sign_up", null)
    post_confirmation              = lookup(local.arguments, "post_confirmation", null)
    pre_authentication             = lookup(local.arguments, "pre_authentication", null)
    post_authentication            = lookup(local.arguments, "post_authentication", null)
    pre_token_generation           = lookup(local.arguments, "pre_token_generation", null)
    custom_message                 = lookup(local.arguments, "custom_message", null)
    define_auth_challenge          = lookup(local.arguments, "define_auth_challenge", null)
    create_auth_challenge          = lookup(local.arguments, "create_auth_challenge", null)
    verify_auth_challenge_response = lookup(local.arguments, "verify_auth_challenge_response", null)
    user_migration                 = lookup(local.arguments, "user_migration", null)

    dynamic "pre_token_generation_config" {
      for_each = local.config

      content {
        lambda_arn     = pre_token_generation_config.value.lambda_arn
        lambda_version = pre_token_generation_config.value.lambda_version
      }
    }
  }
}
