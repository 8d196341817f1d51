# Wait, look, and again until it is over. Nothing is decided here: how a look ended and when the next one is due, the
# function says. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html: 25,000 events an execution.

locals {
  # Of one round: the wait 2, the call 5, the choice 2; each repeated call 3 more (scheduled, started, failed).
  round  = 9
  repeat = 3
  more   = "($exists($states.context.State.RetryCount) ? ${local.repeat} * $states.context.State.RetryCount : 0)"

  # Errors that are Lambda's own and pass: https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
  passing = [
    "Lambda.ClientExecutionTimeoutException", "Lambda.ServiceException", "Lambda.AWSLambdaException",
    "Lambda.SdkClientException", "Lambda.TooManyRequestsException",
  ]
}

resource "aws_sfn_state_machine" "this" {
  # checkov:skip=CKV_AWS_284:the calls of a look are in the function's log
  # checkov:skip=CKV_AWS_285:a standard machine keeps the history of its executions for 90 days
  name     = var.name
  type     = "STANDARD"
  role_arn = aws_iam_role.machine.arn
  tags     = var.tags

  definition = jsonencode({
    Comment       = "Walks one release, or the releases of one group, look by look"
    QueryLanguage = "JSONata"
    StartAt       = "Start"

    States = {
      Start = {
        Type = "Pass"
        Assign = {
          job      = "{% $states.input %}"
          carried  = "{% $states.input.carried %}"
          events   = 5
          failures = 0
          wait_s   = 1
          said     = []
          trouble  = ""
        }
        Next = "Look"
      }

      Look = {
        Type     = "Task"
        Resource = "arn:${local.partition}:states:::lambda:invoke"
        Arguments = {
          FunctionName = "{% $job.function %}" # a published version: a new controller does not touch a walk under way
          Payload      = "{% $merge([$job, {'carried': $carried}]) %}"
        }
        TimeoutSeconds = var.timeout_s + 15
        Retry          = [{ ErrorEquals = local.passing, IntervalSeconds = 1, BackoffRate = 2, MaxAttempts = var.repeats, MaxDelaySeconds = 10, JitterStrategy = "FULL" }]
        Assign = {
          done     = "{% $states.result.Payload.done %}"
          wait_s   = "{% $states.result.Payload.wait_s %}"
          said     = "{% $states.result.Payload.releases %}"
          carried  = "{% $states.result.Payload.carried %}"
          events   = "{% $events + ${local.round} + ${local.more} %}"
          failures = 0
        }
        Output = {}
        Catch = [{
          ErrorEquals = ["States.ALL"]
          Assign = {
            events   = "{% $events + ${local.round} + ${local.more} %}"
            failures = "{% $failures + 1 %}"
            trouble  = "{% $substring($string($states.errorOutput.Error) & ': ' & $string($states.errorOutput.Cause), 0, 1000) %}"
          }
          Output = {}
          Next   = "Broken"
        }]
        Next = "Over"
      }

      Over = {
        Type = "Choice"
        Choices = [
          { Condition = "{% $done %}", Next = "Done" },
          { Condition = "{% $events > ${var.max_events} %}", Next = "GoOn" },
        ]
        Default = "Wait"
      }

      Wait = {
        Type    = "Wait"
        Seconds = "{% $wait_s %}"
        Next    = "Look"
      }

      Broken = {
        Type = "Choice"
        Choices = [
          { Condition = "{% $failures > ${var.max_failures} %}", Next = "GiveUp" },
          { Condition = "{% $events > ${var.max_events} %}", Next = "GoOn" },
        ]
        Default = "Pause"
      }

      Pause = {
        Type    = "Wait"
        Seconds = "{% $min([${var.max_pause_s}, $power(2, $min([$failures, 20]) - 1)]) %}"
        Next    = "Look"
      }

      # The same job in an execution of its own; its first look takes the lease of this one's.
      GoOn = {
        Type     = "Task"
        Resource = "arn:${local.partition}:states:::aws-sdk:sfn:startExecution"
        Arguments = {
          StateMachineArn = "{% $states.context.StateMachine.Id %}"
          Name            = "{% $job.releases[0].release & '-' & $string($job.releases[0].generation + $job.handovers + 1) %}"
          Input           = "{% $string($merge([$job, {'carried': $carried, 'handovers': $job.handovers + 1}])) %}"
        }
        Retry = [
          { ErrorEquals = ["Sfn.ExecutionAlreadyExistsException", "Sfn.ExecutionAlreadyExists"], MaxAttempts = 0 },
          { ErrorEquals = ["States.ALL"], IntervalSeconds = 1, BackoffRate = 2, MaxAttempts = 8, MaxDelaySeconds = 60, JitterStrategy = "FULL" },
        ]
        Catch = [
          # An earlier attempt had started it, and its answer was lost.
          { ErrorEquals = ["Sfn.ExecutionAlreadyExistsException", "Sfn.ExecutionAlreadyExists"], Output = {}, Next = "GoesOn" },
          {
            ErrorEquals = ["States.ALL"]
            Assign      = { trouble = "{% $substring($string($states.errorOutput.Error) & ': ' & $string($states.errorOutput.Cause), 0, 1000) %}" }
            Output      = {}
            Next        = "GiveUp"
          },
        ]
        Output = {}
        Next   = "GoesOn"
      }

      GoesOn = {
        Type   = "Pass"
        End    = true
        Output = { goes_on = "{% $job.releases[0].release & '-' & $string($job.releases[0].generation + $job.handovers + 1) %}", releases = "{% $said %}" }
      }

      Done = {
        Type   = "Pass"
        End    = true
        Output = { releases = "{% $said %}" }
      }

      # Its lease runs out; `watch --unattended` or `resume` goes on with the walk.
      GiveUp = {
        Type     = "Task"
        Resource = "arn:${local.partition}:states:::sqs:sendMessage"
        Arguments = {
          QueueUrl    = aws_sqs_queue.dead.url
          MessageBody = { execution = "{% $states.context.Execution.Name %}", job = "{% $job %}", trouble = "{% $trouble %}" }
        }
        Retry  = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 1, BackoffRate = 2, MaxAttempts = 6, MaxDelaySeconds = 60, JitterStrategy = "FULL" }]
        Catch  = [{ ErrorEquals = ["States.ALL"], Output = {}, Next = "GivenUp" }]
        Output = {}
        Next   = "GivenUp"
      }

      GivenUp = {
        Type  = "Fail"
        Error = "GivenUp"
        Cause = "{% $trouble %}"
      }
    }
  })
}
