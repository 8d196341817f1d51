"""`services/hello` in Python, as a handler of Lambda's own runtime would be."""

import time

from telling import tell


def handle(event, context):
    """Greets by name."""
    started = time.perf_counter()
    name = (event.get("queryStringParameters") or {}).get("name", "world")
    return tell(event, context, {"statusCode": 200, "body": f"Hello, {name}!"}, started)
