"""Listing in `services/todos` in Python with boto3: the client is made while the environment starts."""

import json
import os
import time

import boto3
from telling import tell

CLIENT = boto3.client("dynamodb")
TABLE = os.environ["TABLE"]


def handle(event, context):
    """One page of the table."""
    started = time.perf_counter()
    limit = int((event.get("queryStringParameters") or {}).get("limit", 20))
    found = CLIENT.scan(TableName=TABLE, Limit=limit)
    items = [{name: next(iter(value.values())) for name, value in item.items()} for item in found["Items"]]
    body = json.dumps({"items": items, "next": None})
    headers = {"content-type": "application/json"}
    return tell(event, context, {"statusCode": 200, "headers": headers, "body": body}, started)
