# A dashboard of one function's alias with both versions of a walk side by side.
# Versions come and go with releases, so the graphs search for those that have run instead of naming them.

locals {
  resource = "${var.function_name}:${var.alias_name}"
  log      = coalesce(var.log_group_name, "/aws/lambda/${var.function_name}")
  version  = "version $${PROP('Dim.ExecutedVersion')}"

  # One line a version. `place` is column, row and width on a grid of 24 columns; `crabwalk` is what services say of themselves.
  by_version = {
    requests = { title = "Invocations", from = "AWS/Lambda", metric = "Invocations", stat = "Sum", place = [0, 2, 12] }
    errors   = { title = "Errors (panics, timeouts, out of memory)", from = "AWS/Lambda", metric = "Errors", stat = "Sum", place = [0, 8, 8] }
    failures = { title = "Failures (5xx, records given back)", from = "crabwalk", metric = "Failures", stat = "Sum", place = [8, 8, 8] }
    told     = { title = "Requests and records, told by the service", from = "crabwalk", metric = "Requests", stat = "Sum", place = [16, 8, 8] }
    p50      = { title = "Duration p50 (ms)", from = "AWS/Lambda", metric = "Duration", stat = "p50", place = [0, 14, 8] }
    p95      = { title = "Duration p95 (ms)", from = "AWS/Lambda", metric = "Duration", stat = "p95", place = [8, 14, 8] }
    p99      = { title = "Duration p99 (ms)", from = "AWS/Lambda", metric = "Duration", stat = "p99", place = [16, 14, 8] }
  }

  searches = {
    for name, graph in local.by_version : name => format(
      "SEARCH('{%s,ExecutedVersion,FunctionName,Resource} MetricName=\"%s\" FunctionName=\"%s\" Resource=\"%s\"', '%s', %d)",
      graph.from, graph.metric, var.function_name, local.resource, graph.stat, var.period_s,
    )
  }

  # These have no version: a throttled call reached none.
  of_all = {
    throttles  = { title = "Throttled calls, all versions", metric = "Throttles", stat = "Sum", place = [0, 20, 8] }
    concurrent = { title = "Executions at once, all versions", metric = "ConcurrentExecutions", stat = "Maximum", place = [8, 20, 8] }
  }

  graphs = merge(
    {
      for name, graph in local.by_version : name => {
        title   = graph.title
        place   = graph.place
        metrics = [[{ expression = local.searches[name], id = name, label = local.version }]]
        axis    = { min = 0 }
      }
    },
    {
      for name, graph in local.of_all : name => {
        title   = graph.title
        place   = graph.place
        metrics = [["AWS/Lambda", graph.metric, "FunctionName", var.function_name, "Resource", local.resource, { stat = graph.stat }]]
        axis    = { min = 0 }
      }
    },
    {
      share = {
        title = "Share of the invocations (%): the weights as they work"
        place = [12, 2, 12]
        metrics = [
          [{ expression = local.searches.requests, id = "calls", label = local.version, visible = false }],
          [{ expression = "100 * calls / SUM(calls)", id = "share", label = "share of" }], # CloudWatch adds each line's own
        ]
        axis = { min = 0, max = 100 }
      }
    },
  )

  head = {
    type = "text", x = 0, y = 0, width = 24, height = 2
    properties = {
      markdown = "# ${local.resource}\nOne line a version. While a new version walks there are two; the alias's weights are what `aws lambda get-alias --function-name ${var.function_name} --name ${var.alias_name}` says."
    }
  }

  # Lambda has no metric of them. CloudWatch Logs charges for what each look at the dashboard reads.
  cold_starts = {
    type = "log", x = 16, y = 20, width = 8, height = 6
    properties = {
      title  = "Cold starts by version"
      region = var.region
      view   = "table"
      query = join("\n| ", [
        "SOURCE '${local.log}'",
        "filter @type = \"REPORT\" and ispresent(@initDuration)",
        "parse @logStream /\\[(?<version>[^\\]]+)\\]/",
        "stats count(*) as starts, pct(@initDuration, 50) as p50_ms, max(@initDuration) as max_ms by version",
        "sort version desc",
      ])
    }
  }
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    periodOverride = "inherit" # the period is part of every search
    widgets = concat([local.head], [
      for name in sort(keys(local.graphs)) : {
        type   = "metric"
        x      = local.graphs[name].place[0]
        y      = local.graphs[name].place[1]
        width  = local.graphs[name].place[2]
        height = 6
        properties = {
          title   = local.graphs[name].title
          region  = var.region
          view    = "timeSeries"
          period  = var.period_s
          metrics = local.graphs[name].metrics
          yAxis   = { left = local.graphs[name].axis }
        }
      }
    ], var.cold_starts ? [local.cold_starts] : [])
  })
}
