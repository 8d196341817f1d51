# Who may take which role, and what it may do, checked without an AWS account.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/crabwalk/mock" }
  }

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
  }
}

variables {
  name        = "shop-production"
  bucket      = "crabwalk-shop-production-123456789012"
  repository  = "acme/shop"
  environment = "production"
}

run "five_roles_and_one_form_of_the_claim" {
  assert {
    condition     = toset(keys(aws_iam_role.this)) == toset(["plan", "build", "deploy", "rollback", "read"])
    error_message = "There must be five roles."
  }

  assert {
    condition     = output.subjects.deploy == ["repo:acme/shop:environment:production"]
    error_message = "Only jobs of the GitHub environment may deploy."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.this : role.path == "/crabwalk/" && role.permissions_boundary == aws_iam_policy.boundary.arn])
    error_message = "Every role must have the boundary, and lie where no role may write."
  }

  assert {
    condition = alltrue([
      for role in aws_iam_role.this :
      jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    ])
    error_message = "A token made for somebody else must not do."
  }

  assert {
    condition     = !anytrue([for role in aws_iam_role.this : strcontains(role.assume_role_policy, "*")])
    error_message = "No claim may be compared by a wildcard."
  }
}

run "both_forms_of_the_claim" {
  variables {
    owner_id      = "1234"
    repository_id = "567890"
    refs          = ["refs/heads/main", "refs/tags/v1"]
  }

  assert {
    condition     = output.subjects.rollback == ["repo:acme/shop:environment:production", "repo:acme@1234/shop@567890:environment:production"]
    error_message = "Both forms must be trusted."
  }

  assert {
    condition     = contains(output.subjects.plan, "repo:acme@1234/shop@567890:pull_request") && length(output.subjects.plan) == 6
    error_message = "Pull requests and both refs may plan, in both forms."
  }

  assert {
    condition     = !strcontains(join(" ", output.subjects.build), "pull_request")
    error_message = "A pull request must not store artifacts that could be deployed."
  }
}

run "the_rollback_role_moves_an_alias_and_writes_it_down" {
  assert {
    condition = toset(flatten([for statement in jsondecode(aws_iam_policy.this["rollback-all"].policy).Statement : statement.Action])) == toset([
      "lambda:GetAlias", "lambda:UpdateAlias", "s3:GetObject", "s3:ListBucket", "s3:PutObject",
    ])
    error_message = "The rollback role must do nothing else."
  }

  assert {
    condition     = !anytrue([for statement in jsondecode(aws_iam_policy.this["rollback-all"].policy).Statement : statement.Resource == "*"])
    error_message = "Everything it does must be held to names."
  }
}

run "who_deploys_makes_no_role_without_the_services_boundary" {
  assert {
    condition     = output.services_boundary_arn == "arn:aws:iam::123456789012:policy/crabwalk/github-shop-production-services"
    error_message = "The boundary must lie where no role may write."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.this["deploy-code"].policy).Statement :
      try(statement.Condition.StringEquals["iam:PermissionsBoundary"], null) == output.services_boundary_arn
      if length(setintersection(statement.Action, ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"])) > 0
    ])
    error_message = "Roles may be made, and given rights, only with the boundary."
  }

  assert {
    condition = !anytrue([
      for action in flatten([for policy in aws_iam_policy.this : [for statement in jsondecode(policy.policy).Statement : statement.Action]]) :
      can(regex("^(iam:(Attach|Delete.*Boundary|.*PolicyVersion$|DeletePolicy)|.*:\\*$|sts:)", action)) && action != "iam:GetPolicyVersion"
    ])
    error_message = "No role may take the boundary away, or change it."
  }

  assert {
    condition     = !anytrue([for action in flatten([for one in local.services : one.Action if one.Effect == "Allow"]) : can(regex("^(iam|sts|organizations|account):", action))])
    error_message = "The boundary must not let a service have rights over rights."
  }
}

run "with_a_boundary_that_is_there_already" {
  variables {
    services_boundary_arn = "arn:aws:iam::123456789012:policy/company-limit"
  }

  assert {
    condition     = aws_iam_policy.services.name == "github-shop-production-services" && output.services_boundary_arn == var.services_boundary_arn
    error_message = "The policy that is named must be the boundary, and roles that still have the own one keep it."
  }

  assert {
    condition     = strcontains(aws_iam_policy.this["deploy-code"].policy, var.services_boundary_arn) && strcontains(aws_iam_policy.boundary.policy, var.services_boundary_arn)
    error_message = "Who deploys must be held to it."
  }
}

run "with_a_key_of_its_own" {
  variables {
    kms_key_arn       = "arn:aws:kms:eu-west-1:123456789012:key/1"
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    roles             = ["rollback", "deploy"]
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.this) == 0 && length(aws_iam_role.this) == 2
    error_message = "The account's provider must be used, and only the roles asked for made."
  }

  assert {
    condition     = strcontains(aws_iam_policy.this["rollback-all"].policy, "kms:GenerateDataKey")
    error_message = "What is written must be encrypted with the bucket's key."
  }

  assert {
    condition     = strcontains(aws_iam_policy.this["rollback-all"].policy, "s3.eu-west-1.amazonaws.com")
    error_message = "The key may be used by way of S3 only."
  }
}

run "who_moves_traffic_says_so_on_the_bus_that_is_named" {
  variables {
    event_bus_arns = ["arn:aws:events:eu-west-1:123456789012:event-bus/releases"]
  }

  assert {
    condition = alltrue([
      for name in ["rollback-all", "deploy-release"] :
      contains(flatten([
        for one in jsondecode(aws_iam_policy.this[name].policy).Statement : one.Resource if contains(flatten([one.Action]), "events:PutEvents")
      ]), var.event_bus_arns[0])
    ])
    error_message = "Who deploys and who rolls back must be able to put events on it."
  }

  assert {
    condition     = !strcontains(join("", [for name, one in aws_iam_policy.this : one.policy if !contains(["rollback-all", "deploy-release"], name)]), "events:PutEvents")
    error_message = "Nobody else must."
  }

  assert {
    condition     = strcontains(aws_iam_policy.boundary.policy, "event-bus/releases")
    error_message = "The boundary must let them."
  }
}

run "refuses_what_is_no_bus" {
  command = plan

  variables {
    event_bus_arns = ["arn:aws:events:eu-west-1:123456789012:event-bus/*"]
  }

  expect_failures = [var.event_bus_arns]
}

run "the_longest_names_fit" {
  variables {
    event_bus_arns = ["arn:aws:events:ap-southeast-2:123456789012:event-bus/${join("", [for _ in range(64) : "busy"])}"]


    name          = "a-project-of-twenty-c-environment-of-20-c"
    bucket        = "crabwalk-a-project-of-twenty-c-environment-of-20-c-123456789012"
    kms_key_arn   = "arn:aws:kms:ap-southeast-2:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
    owner_id      = "12345678901234567890"
    repository_id = "12345678901234567890"
  }

  assert {
    condition     = alltrue([for policy in concat(values(aws_iam_policy.this), [aws_iam_policy.boundary, aws_iam_policy.services]) : length(policy.policy) <= 6144])
    error_message = "IAM allows a policy 6144 characters."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.this : length(role.name) <= 64 && length(role.assume_role_policy) <= 2048])
    error_message = "IAM allows a role's name 64 characters and its trust 2048."
  }
}

run "refuses_a_wildcard" {
  command = plan

  variables {
    repository = "acme/*"
    refs       = ["refs/heads/*"]
  }

  expect_failures = [var.repository, var.refs]
}

run "refuses_an_unknown_role" {
  command = plan

  variables {
    roles = ["admin"]
  }

  expect_failures = [var.roles]
}

run "refuses_a_boundary_that_is_no_policy" {
  command = plan

  variables {
    services_boundary_arn = "company-limit"
  }

  expect_failures = [var.services_boundary_arn]
}
