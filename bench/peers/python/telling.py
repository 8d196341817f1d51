"""What rust_shared writes of each request, for the peers: one line in JSON and the metrics of docs/signals.md."""

import json
import os
import time

NAMES = ["Requests", "Failures", "Duration", "RequestBytes", "ResponseBytes"]


def tell(event, context, answer, started):
    """Both lines on stdout."""
    taken = round((time.perf_counter() - started) * 1000, 3)
    body = answer.get("body") or ""
    line = {"timestamp": time.time(), "level": "INFO", "event": "request", "request_id": context.aws_request_id}
    print(json.dumps({**line, "version": os.environ["AWS_LAMBDA_FUNCTION_VERSION"], "status": answer["statusCode"]}))
    metrics = [{"Name": name, "Unit": "Count", "StorageResolution": 1} for name in NAMES]
    dimensions = [["FunctionName", "Resource", "ExecutedVersion"]]
    directive = {"Namespace": "crabwalk", "Dimensions": dimensions, "Metrics": metrics}
    values = [1, int(answer["statusCode"] >= 500), taken, len(event.get("body") or ""), len(body)]
    header = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    who = {"FunctionName": context.function_name, "ExecutedVersion": context.function_version}
    print(json.dumps({"_aws": header, **who, "Resource": context.function_name, **dict(zip(NAMES, values))}))
    return answer
