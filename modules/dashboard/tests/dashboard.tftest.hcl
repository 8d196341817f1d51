# Every graph is of the alias and of whichever versions run, checked without an AWS account.

mock_provider "aws" {}

variables {
  name          = "hello"
  function_name = "hello"
  region        = "eu-west-1"
}

run "every_graph_is_of_the_alias" {
  assert {
    condition = alltrue([
      for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets :
      strcontains(jsonencode(widget.properties.metrics), "hello:live") && widget.properties.region == "eu-west-1"
      if widget.type == "metric"
    ])
    error_message = "A graph of the function as a whole would mix in what does not come by the alias."
  }

  assert {
    condition = length([
      for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget if widget.type == "metric"
    ]) == 10
    error_message = "A graph each, and none twice."
  }

  assert {
    condition = one([
      for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.properties.metrics[0][0].expression
      if widget.type == "metric" && can(regex("p99", widget.properties.title))
    ]) == "SEARCH('{AWS/Lambda,ExecutedVersion,FunctionName,Resource} MetricName=\"Duration\" FunctionName=\"hello\" Resource=\"hello:live\"', 'p99', 60)"
    error_message = "The search must find every version of this alias and nothing else."
  }

  assert {
    condition = anytrue([
      for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets :
      strcontains(widget.properties.query, "SOURCE '/aws/lambda/hello'") if widget.type == "log"
    ])
    error_message = "Cold starts are counted in the function's log."
  }
}

run "without_cold_starts" {
  variables {
    cold_starts = false
  }

  assert {
    condition     = length([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget if widget.type == "log"]) == 0
    error_message = "A query that costs must be left out when asked."
  }
}

run "refuses_wrong_inputs" {
  command = plan

  variables {
    name           = "hello world"
    function_name  = "hello:live"
    alias_name     = "1"
    region         = "Ireland"
    period_s       = 45
    log_group_name = "it's"
  }

  expect_failures = [var.name, var.function_name, var.alias_name, var.region, var.period_s, var.log_group_name]
}
