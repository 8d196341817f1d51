// What rust_shared writes of each request, for the peers: one line in JSON and the metrics of docs/signals.md.
const names = ["Requests", "Failures", "Duration", "RequestBytes", "ResponseBytes"];

export function tell(event, context, answer, started) {
  const taken = performance.now() - started;
  const line = { timestamp: Date.now(), level: "INFO", event: "request", request_id: context.awsRequestId };
  console.log(JSON.stringify({ ...line, version: context.functionVersion, status: answer.statusCode }));
  const directive = {
    Namespace: "crabwalk",
    Dimensions: [["FunctionName", "Resource", "ExecutedVersion"]],
    Metrics: names.map((name) => ({ Name: name, Unit: "Count", StorageResolution: 1 })),
  };
  const values = [1, Number(answer.statusCode >= 500), taken, (event.body ?? "").length, (answer.body ?? "").length];
  const who = { FunctionName: context.functionName, Resource: context.functionName, ExecutedVersion: context.functionVersion };
  const measured = Object.fromEntries(names.map((name, index) => [name, values[index]]));
  console.log(JSON.stringify({ _aws: { Timestamp: Date.now(), CloudWatchMetrics: [directive] }, ...who, ...measured }));
  return answer;
}
