# The event of a release that was undone, as docs/event.schema.json says; that it cannot be sent undoes nothing.

locals {
  undone = var.event == null ? "Done" : "Tell"

  # From the description that stands now: what was written, or what was read where the write's answer was lost.
  said = <<-JSONATA
    (
      $text := $plan.action = "done" ? $alias.Description : $plan.description;
      $part := $match($text, /^crabwalk\/1 back r=([^ ]+) v=([0-9]+)\/-@0 p=[^ ]+ f=([^ ]+) c=([^ ]+) n=([^ ]+) u=-$/)[0].groups;
      {
        "crabwalk": 1,
        "id": $part[0] & "/rollback/" & $part[4],
        "event": "rollback",
        "project": ${jsonencode(try(var.event.project, ""))},
        "environment": ${jsonencode(try(var.event.environment, ""))},
        "account": "${local.account}",
        "region": "${local.region}",
        "service": ${jsonencode(try(var.event.service, ""))},
        "function": "${var.function_name}",
        "release": $part[0],
        "version": $part[2] = "-" ? null : $part[2],
        "stable": $part[1],
        "traffic": 0,
        "step": null,
        "steps": [],
        "cause": "safety net",
        "headline": "rolled back, version " & $part[1] & " has all traffic",
        "sentence": $why & " (alarm " & $alarm & ")",
        "verdict": null,
        "commit": $part[3] = "-" ? null : $part[3],
        "subject": "",
        "actor": null,
        "claimed_actor": null,
        "by": null,
        "links": { "run": null, "commit": null },
        "at": $fromMillis($millis(), "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01]Z")
      }
    )
  JSONATA

  tell = {
    for name, event in { for one in var.event[*] : "Tell" => one } : name => {
      Type     = "Task"
      Resource = "arn:${local.partition}:states:::events:putEvents"
      Arguments = {
        Entries = [{
          Source       = "crabwalk"
          DetailType   = "crabwalk release rollback"
          EventBusName = event.bus_arn
          Detail       = "{% ${trimspace(local.said)} %}"
        }]
      }
      Retry = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 1, BackoffRate = 2, MaxAttempts = 4, JitterStrategy = "FULL" }]
      Catch = [{ ErrorEquals = ["States.ALL"], Next = "Done" }]
      Next  = "Done"
    }
  }
}
