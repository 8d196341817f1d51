# GetAlias, decide, UpdateAlias guarded by the RevisionId that was read, and again when somebody was faster.
# The description it reads and writes is the head of pipeline/release/ledger/head.py; whoever else writes the alias reads it.

locals {
  attempts = 20

  # One expression, so that all of it looks at the same reading of the alias. Its result is what `Act` and `Write` use.
  decide = <<-JSONATA
    (
      $found := $match($alias.Description, /^crabwalk\/1 (walk|live|back|frozen) r=([0-9A-Za-z-]{1,40}) v=([0-9]{1,20})\/(-|[0-9]{1,20})@([01](?:\.[0-9]{1,6})?) p=(-|[0-9]{1,20}) f=(-|[0-9]{1,20}) c=(-|[0-9a-f]{7,40}) n=([0-9a-f]{16}) u=(-|[0-9]{1,12})$/);
      $part := $found[0].groups;
      $state := $part[0];
      $primary := $part[2];
      $extra := $part[3];
      $share := $number($part[4]);
      $previous := $part[5];
      $until := $part[9];
      $map := $alias.RoutingConfig.AdditionalVersionWeights;
      $extras := $filter($keys($map), function($one) { $lookup($map, $one) > 0 });
      $agrees := $alias.FunctionVersion = $primary and (
        $extra = "-"
          ? $share = 0 and $count($extras) = 0
          : $count($extras) = 1 and $extras[0] = $extra and $share > 0 and $round($lookup($map, $extra), 6) = $round($share, 6)
      );
      $nothing := function($why) { { "action": "nothing", "why": $why } };
      $write := function($target, $origin, $before, $why) {(
        $nonce := $substring($replace($uuid(), "-", ""), 0, 16);
        {
          "action": "write",
          "why": $why,
          "target": $target,
          "nonce": $nonce,
          "description": "crabwalk/1 back r=" & $part[1] & " v=" & $target & "/-@0 p=" & $before & " f=" & $origin & " c=" & $part[7] & " n=" & $nonce & " u=-"
        }
      )};
      $not($exists($part)) ? $nothing("the alias's description is not crabwalk's") :
      $state in ["back", "frozen"] and $contains($nonces, $part[8]) ? { "action": "done", "why": $why } :
      $not($agrees) ? $nothing("the alias's description does not agree with its traffic: somebody else moved it") :
      $state in ["back", "frozen"] ? $nothing("version " & $primary & " has all traffic already: the release was rolled back") :
      $state = "walk" and $extra = "-" ? $nothing("the new version has no traffic yet") :
      $state = "walk" ? $write($primary, $extra, $previous, "version " & $extra & " loses its share, version " & $primary & " has all traffic") :
      $until = "-" ? $nothing("version " & $primary & " was promoted without a time in which it may be undone") :
      $millis() > $number($until) * 1000 ? $nothing("the time in which version " & $primary & " may be undone ended at " & $fromMillis($number($until) * 1000)) :
      $previous = "-" ? $nothing("version " & $primary & " is the first release, there is nothing to go back to") :
      $write($previous, $primary, "-", "version " & $previous & " has all traffic, version " & $primary & " has none")
    )
  JSONATA
}

resource "aws_sfn_state_machine" "this" {
  # checkov:skip=CKV_AWS_284:four calls with nothing behind them to trace
  # checkov:skip=CKV_AWS_285:a standard machine keeps the history of its executions for 90 days
  name     = local.name
  role_arn = aws_iam_role.undo.arn
  tags     = var.tags

  definition = jsonencode({
    Comment       = "Undoes the release under way, or the last one, of ${var.function_name}:${var.alias_name}"
    QueryLanguage = "JSONata"
    StartAt       = "Start"

    States = merge(local.tell, {
      Start = {
        Type = "Pass"
        Assign = {
          alarm    = "{% $exists($states.input.detail.alarmName) ? $states.input.detail.alarmName : \"started by hand\" %}"
          attempts = 0
          nonces   = "" # of writes whose answer was no success: one may have happened all the same
          why      = ""
          trouble  = ""
        }
        Next = "Read"
      }

      Read = {
        Type      = "Task"
        Resource  = "arn:${local.partition}:states:::aws-sdk:lambda:getAlias"
        Arguments = { FunctionName = var.function_name, Name = var.alias_name }
        Assign    = { alias = "{% $states.result %}", attempts = "{% $attempts + 1 %}" }
        Retry     = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 1, BackoffRate = 2, MaxAttempts = 6, JitterStrategy = "FULL" }]
        Next      = "Decide"
      }

      Decide = {
        Type   = "Pass"
        Assign = { plan = "{% ${trimspace(local.decide)} %}" }
        Next   = "Act"
      }

      Act = {
        Type = "Choice"
        Choices = [
          { Condition = "{% $plan.action = \"nothing\" %}", Next = "Nothing" },
          { Condition = "{% $plan.action = \"done\" %}", Next = local.undone },
          { Condition = "{% $attempts > ${local.attempts} %}", Next = "Failed" },
        ]
        Default = "Write"
      }

      Write = {
        Type     = "Task"
        Resource = "arn:${local.partition}:states:::aws-sdk:lambda:updateAlias"
        Arguments = {
          FunctionName    = var.function_name
          Name            = var.alias_name
          FunctionVersion = "{% $plan.target %}"
          RoutingConfig   = { AdditionalVersionWeights = {} } # an omitted map would leave the weights as they are
          Description     = "{% $plan.description %}"
          RevisionId      = "{% $alias.RevisionId %}"
        }
        Assign = { why = "{% $plan.why %}" }
        Catch = [
          for errors, next in { "Lambda.PreconditionFailedException" = "Read", "States.ALL" = "Pause" } : {
            ErrorEquals                                              = [errors]
            Assign = {
              nonces  = "{% $nonces & \" \" & $plan.nonce %}"
              why     = "{% $plan.why %}"
              trouble = "{% $string($states.errorOutput.Error) & \": \" & $string($states.errorOutput.Cause) %}"
            }
            Next = next
          }
        ]
        Next = local.undone
      }

      Pause = {
        Type    = "Wait"
        Seconds = "{% $min([15, $power(2, $attempts - 1)]) %}"
        Next    = "Read"
      }

      Done = {
        Type   = "Pass"
        Output = { undone = true, why = "{% $why %}", alarm = "{% $alarm %}", attempts = "{% $attempts %}" }
        End    = true
      }

      Nothing = {
        Type   = "Pass"
        Output = { undone = false, why = "{% $plan.why %}", alarm = "{% $alarm %}", attempts = "{% $attempts %}" }
        End    = true
      }

      Failed = {
        Type  = "Fail"
        Error = "NotUndone"
        Cause = "{% \"the alias could not be written in ${local.attempts} attempts; the last one: \" & $trouble %}"
      }
    })
  })
}
