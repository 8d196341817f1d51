"""`services/health` in Python, as a handler of Lambda's own runtime would be."""

import time

from telling import tell


def handle(event, context):
    """200 `healthy` at `/`, 404 elsewhere."""
    started = time.perf_counter()
    found = event["rawPath"] == "/" and event["requestContext"]["http"]["method"] == "GET"
    answer = {"statusCode": 200, "body": "healthy"} if found else {"statusCode": 404, "body": ""}
    return tell(event, context, answer, started)
