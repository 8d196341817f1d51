# Which jobs may take which role. GitHub writes the subject claim in one of two forms, depending on how old the
# repository is; both are compared letter by letter, because a wildcard would let names through that only begin alike.

locals {
  forms = concat(
    ["repo:${var.repository}"],
    var.owner_id == null || var.repository_id == null ? [] : [
      join("/", [
        "repo:${split("/", var.repository)[0]}@${var.owner_id}",
        "${split("/", var.repository)[1]}@${var.repository_id}",
      ])
    ],
  )

  on_refs        = [for ref in var.refs : "ref:${ref}"]
  in_environment = ["environment:${var.environment}"]

  jobs = {
    plan     = concat(["pull_request"], local.on_refs) # the refs too: drift is looked for from the main branch
    build    = local.on_refs
    deploy   = local.in_environment
    rollback = local.in_environment
    read     = local.on_refs
  }

  subjects = { for role, jobs in local.jobs : role => [for pair in setproduct(local.forms, jobs) : join(":", pair)] }
}
